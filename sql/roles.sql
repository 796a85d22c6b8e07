-- The app's role reads, inserts and updates; it never deletes, truncates or creates. Run after every migration.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {app};
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM {app};
GRANT SELECT, INSERT, UPDATE ON
    execution_keys, executions, execution_analysis, execution_detections, execution_images, execution_notifications,
    cameras, etl_jobs, component_states, outages
    TO {app};
GRANT SELECT ON schema_migrations TO {app};
GRANT EXECUTE ON FUNCTION ensure_partitions(timestamptz), purge_finished_jobs(timestamptz) TO {app};
