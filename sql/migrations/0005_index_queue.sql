-- The queue reads each level by itself, newest first: a flood of unknowns does not lie before a critical.

CREATE INDEX execution_analysis_queue ON execution_analysis (risk_level, execution_timestamp DESC, execution_id DESC)
    WHERE can_alarm AND acknowledged_at IS NULL AND (risk_level IS NULL OR risk_level >= 'high');

-- its rows are a part of the one above
DROP INDEX execution_analysis_unacknowledged;
