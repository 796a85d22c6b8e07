CREATE OR REPLACE TRIGGER sai_etl_trigger
AFTER INSERT OR UPDATE OF status ON {schema}.execution_entity
FOR EACH ROW
WHEN (NEW."workflowId" IN ({workflow_ids}) AND NEW.status IN ('success', 'error'))
EXECUTE FUNCTION {schema}.process_sai_execution()
