-- The app's role reads, inserts and updates; it never deletes, truncates or creates. Run after every migration.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {app};
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM {app};
GRANT SELECT, INSERT, UPDATE ON
    execution_keys, executions, execution_analysis, execution_detections, execution_images, execution_notifications,
    cameras, etl_jobs, component_states, outages,
    users, recovery_codes, kiosks, sessions, one_time_links, access_requests, sign_in_throttles,
    expert_profiles, expert_hours, expert_absences, settings,
    person_preferences, saved_searches
    TO {app};
-- Kinds and places are for good; counts are changed by what folds them alone.
GRANT SELECT, INSERT ON search_kinds, search_places, search_pairs, search_changes TO {app};
GRANT SELECT, INSERT, UPDATE ON search_rows TO {app};
GRANT SELECT ON search_source, search_months TO {app};
-- A key that has signed something stays what it was; only its wrapping and its end may change.
GRANT SELECT, INSERT ON expert_keys TO {app};
GRANT UPDATE (sealed_private_key, salt, derivation, rewrapped_at, retired_at, retired_reason) ON expert_keys TO {app};
-- Append-only: number, time and hashes are the trigger's.
GRANT SELECT, INSERT (user_id, actor, session_id, address, action, entity_type, entity_id, details)
    ON activity_log TO {app};
GRANT SELECT ON schema_migrations TO {app};
GRANT EXECUTE ON FUNCTION ensure_partitions(timestamptz), purge_finished_jobs(timestamptz), purge_people_leftovers(),
    activity_hash(activity_log), fold_search_changes() TO {app};
