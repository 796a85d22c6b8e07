-- The app's role reads, inserts and updates; it never deletes, truncates or creates. Run after every migration.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {app};
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM {app};
GRANT SELECT, INSERT, UPDATE ON
    execution_keys, executions, execution_analysis, execution_detections, execution_images, execution_notifications,
    cameras, etl_jobs, component_states, outages,
    users, recovery_codes, kiosks, sessions, one_time_links, access_requests, sign_in_throttles,
    expert_profiles, expert_hours, expert_absences, settings,
    person_preferences, saved_searches,
    review_cases, gold_items, review_drafts, review_notices, false_alarm_reasons
    TO {app};
-- Kinds and places are for good; counts are changed by what folds them alone.
GRANT SELECT, INSERT ON search_kinds, search_places, search_pairs, search_changes TO {app};
GRANT SELECT, INSERT, UPDATE ON search_rows TO {app};
GRANT SELECT ON search_source, search_months TO {app};
-- Which review of which execution it is never changes; what it says changes with each signed revision.
GRANT SELECT, INSERT ON expert_reviews TO {app};
GRANT UPDATE (expert_id, status, priority, asked_at, assigned_at, deadline, deadline_rule, deadline_by, started_at,
    completed_at, parked_at, parked_note, escalated_at, escalation_note, declined_by, is_blind_to_ai, is_superseded,
    revision, expert_risk_level, is_cannot_tell, agrees_with_ai, is_right, use_for_training, training_weight,
    fire_kind, fire_stage, fire_cause, false_alarm_reasons, corrections, clarity, difficulty, evidence_quality,
    notes, tags) ON expert_reviews TO {app};
GRANT SELECT ON review_deadlines TO {app};  -- a trigger writes it
-- Append-only: number, time, the readable copy and hashes are the trigger's.
GRANT SELECT, INSERT (review_id, revision, expert_id, key_id, document, signature) ON review_assessments TO {app};
-- A key that has signed something stays what it was; only its wrapping and its end may change.
GRANT SELECT, INSERT ON expert_keys TO {app};
GRANT UPDATE (sealed_private_key, salt, derivation, rewrapped_at, retired_at, retired_reason) ON expert_keys TO {app};
-- Append-only: number, time and hashes are the trigger's.
GRANT SELECT, INSERT (user_id, actor, session_id, address, action, entity_type, entity_id, details)
    ON activity_log TO {app};
GRANT SELECT ON schema_migrations TO {app};
GRANT EXECUTE ON FUNCTION ensure_partitions(timestamptz), purge_finished_jobs(timestamptz), purge_people_leftovers(),
    activity_hash(activity_log), fold_search_changes() TO {app};
GRANT EXECUTE ON FUNCTION assessment_hash(bytea, bytea, bytea), purge_review_drafts() TO {app};
