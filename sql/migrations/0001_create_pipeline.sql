-- What the ETL fills: executions and their parts, cameras, jobs, and the record of its own health.
-- Large tables are partitioned by month of execution_timestamp; keys carry it beside the id.

CREATE TYPE risk_level AS ENUM ('none', 'low', 'medium', 'high', 'critical');
CREATE TYPE risk_source AS ENUM ('stated', 'derived');
CREATE TYPE alert_priority AS ENUM ('low', 'normal', 'high', 'critical');
CREATE TYPE image_state AS ENUM ('pending', 'stored', 'missing', 'unreachable', 'rejected');
CREATE TYPE job_state AS ENUM ('queued', 'running', 'done', 'failed');

-- One row per execution for ever, whatever happens to its month: guarantees that none is stored twice.
CREATE TABLE execution_keys (
    execution_id        bigint PRIMARY KEY,
    execution_timestamp timestamptz NOT NULL,
    source_created_at   timestamptz NOT NULL
);
COMMENT ON COLUMN execution_keys.source_created_at IS
    'n8n''s createdAt; the same id with another one means that n8n was rebuilt';

CREATE TABLE executions (
    id                   bigint NOT NULL,
    execution_timestamp  timestamptz NOT NULL,
    workflow_id          text NOT NULL,
    completion_timestamp timestamptz,
    duration_ms          integer CHECK (duration_ms >= 0),
    status               text NOT NULL,
    mode                 text,
    retry_of             bigint,
    camera_id            text,
    device_id            text,
    location             text,
    capture_timestamp    timestamptz,
    error_node           text,
    error_message        text,
    notes                text[] NOT NULL DEFAULT '{}',
    is_history           boolean NOT NULL,
    heard_at             timestamptz,
    loaded_at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (execution_timestamp, id)
) PARTITION BY RANGE (execution_timestamp);
COMMENT ON COLUMN executions.is_history IS 'older than ALERT_MAX_AGE when it was loaded: never alarms';

CREATE INDEX executions_status ON executions (status, execution_timestamp DESC, id DESC);
CREATE INDEX executions_workflow ON executions (workflow_id, execution_timestamp DESC, id DESC);
CREATE INDEX executions_camera ON executions (device_id, camera_id, execution_timestamp DESC, id DESC);

CREATE TABLE execution_analysis (
    execution_id        bigint NOT NULL,
    execution_timestamp timestamptz NOT NULL,
    risk_level          risk_level,
    risk_stated         risk_level,
    risk_source         risk_source,
    confidence_score    double precision CHECK (confidence_score BETWEEN 0 AND 1),
    alert_priority      alert_priority,
    smoke_detected      boolean,
    flame_detected      boolean,
    detection_count     integer CHECK (detection_count >= 0),
    model_name          text,
    model_version       text,
    processing_time_ms  double precision CHECK (processing_time_ms >= 0),
    assessment          text,
    raw_response        text,
    can_alarm           boolean NOT NULL,
    acknowledged_at     timestamptz,
    PRIMARY KEY (execution_timestamp, execution_id),
    FOREIGN KEY (execution_timestamp, execution_id) REFERENCES executions (execution_timestamp, id),
    CHECK ((risk_level IS NULL) = (risk_source IS NULL)),
    CHECK ((risk_level IS NULL) = (alert_priority IS NULL))
) PARTITION BY RANGE (execution_timestamp);

CREATE INDEX execution_analysis_risk ON execution_analysis (risk_level, execution_timestamp DESC, execution_id DESC);
CREATE INDEX execution_analysis_confidence ON execution_analysis (confidence_score DESC NULLS LAST);
CREATE INDEX execution_analysis_priority
    ON execution_analysis (alert_priority, execution_timestamp DESC, execution_id DESC);
CREATE INDEX execution_analysis_unacknowledged ON execution_analysis (execution_timestamp DESC, execution_id DESC)
    WHERE risk_level = 'critical' AND can_alarm AND acknowledged_at IS NULL;

-- A later answer with fewer detections leaves the surplus rows: only those below detection_count are current.
CREATE TABLE execution_detections (
    execution_id        bigint NOT NULL,
    execution_timestamp timestamptz NOT NULL,
    detection_index     integer NOT NULL CHECK (detection_index >= 0),
    class_name          text,
    confidence          double precision CHECK (confidence BETWEEN 0 AND 1),
    x                   double precision,
    y                   double precision,
    width               double precision CHECK (width > 0),
    height              double precision CHECK (height > 0),
    PRIMARY KEY (execution_timestamp, execution_id, detection_index),
    FOREIGN KEY (execution_timestamp, execution_id) REFERENCES executions (execution_timestamp, id)
) PARTITION BY RANGE (execution_timestamp);

CREATE TABLE execution_images (
    execution_id        bigint NOT NULL,
    execution_timestamp timestamptz NOT NULL,
    original_path       text CHECK (original_path !~ '^/' AND original_path !~ '(^|/)\.\.(/|$)'),
    thumbnail_path      text CHECK (thumbnail_path !~ '^/' AND thumbnail_path !~ '(^|/)\.\.(/|$)'),
    sha256              text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size_bytes          bigint CHECK (size_bytes >= 0),
    width               integer CHECK (width > 0),
    height              integer CHECK (height > 0),
    format              text CHECK (format IN ('jpeg', 'png', 'webp')),
    quality_score       double precision CHECK (quality_score BETWEEN 0 AND 1),
    state               image_state NOT NULL,
    state_reason        text,
    extracted_at        timestamptz,
    PRIMARY KEY (execution_timestamp, execution_id),
    FOREIGN KEY (execution_timestamp, execution_id) REFERENCES executions (execution_timestamp, id),
    CHECK (state <> 'stored' OR (original_path IS NOT NULL AND sha256 IS NOT NULL AND format IS NOT NULL))
) PARTITION BY RANGE (execution_timestamp);

CREATE TABLE execution_notifications (
    execution_id        bigint NOT NULL,
    execution_timestamp timestamptz NOT NULL,
    telegram_sent       boolean,
    telegram_message_id bigint,
    telegram_sent_at    timestamptz,
    telegram_error      text,
    PRIMARY KEY (execution_timestamp, execution_id),
    FOREIGN KEY (execution_timestamp, execution_id) REFERENCES executions (execution_timestamp, id)
) PARTITION BY RANGE (execution_timestamp);

CREATE TABLE cameras (
    device_id             text NOT NULL,
    camera_id             text NOT NULL,
    name                  text,
    location              text,
    latitude              double precision CHECK (latitude BETWEEN -90 AND 90),
    longitude             double precision CHECK (longitude BETWEEN -180 AND 180),
    direction_degrees     double precision CHECK (direction_degrees >= 0 AND direction_degrees < 360),
    field_of_view_degrees double precision CHECK (field_of_view_degrees > 0 AND field_of_view_degrees <= 360),
    last_seen_at          timestamptz,
    PRIMARY KEY (device_id, camera_id)
);

-- The ETL's durable queue: one row per execution, claimed by lease.
CREATE TABLE etl_jobs (
    execution_id bigint PRIMARY KEY,
    state        job_state NOT NULL DEFAULT 'queued',
    attempts     integer NOT NULL DEFAULT 0,
    run_after    timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz,
    leased_by    text,
    last_error   text,
    source_token text,
    requested    integer NOT NULL DEFAULT 1,
    heard_at     timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN etl_jobs.source_token IS
    'n8n''s state of the row (status, createdAt, stoppedAt) that this job last saw; a parked job runs again when it changes';
COMMENT ON COLUMN etl_jobs.requested IS 'how often it was asked for; one that is asked for while it runs, runs again';

CREATE INDEX etl_jobs_open ON etl_jobs (execution_id DESC) WHERE state IN ('queued', 'running');
CREATE INDEX etl_jobs_failed ON etl_jobs (updated_at DESC) WHERE state = 'failed';

-- Last proof of life of each part of the machinery, and its troubles with their beginning and end.
CREATE TABLE component_states (
    component text PRIMARY KEY,
    is_ok     boolean NOT NULL,
    detail    text,
    proof_at  timestamptz NOT NULL,
    since     timestamptz NOT NULL
);

CREATE TABLE outages (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    component  text NOT NULL,
    reason     text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz CHECK (ended_at >= started_at)
);
CREATE UNIQUE INDEX outages_open ON outages (component) WHERE ended_at IS NULL;
CREATE INDEX outages_recent ON outages (started_at DESC, id DESC);
