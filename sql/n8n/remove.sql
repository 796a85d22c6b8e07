DROP TRIGGER IF EXISTS sai_etl_trigger ON {schema}.execution_entity;
DROP FUNCTION IF EXISTS {schema}.process_sai_execution();
