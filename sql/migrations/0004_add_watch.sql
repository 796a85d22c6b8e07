-- The watch room: who has an alert and who saw it, saved searches, and what a person prefers.

ALTER TABLE execution_analysis
    ADD COLUMN claimed_by uuid REFERENCES users,
    ADD COLUMN claimed_at timestamptz,
    ADD COLUMN acknowledged_by uuid REFERENCES users,
    ADD CONSTRAINT execution_analysis_claim CHECK ((claimed_by IS NULL) = (claimed_at IS NULL)),
    ADD CONSTRAINT execution_analysis_acknowledgement CHECK (acknowledged_by IS NULL OR acknowledged_at IS NOT NULL);
COMMENT ON COLUMN execution_analysis.claimed_by IS 'who said "I have it"; NULL: nobody does';
COMMENT ON COLUMN execution_analysis.acknowledged_by IS 'who said "seen"; NULL beside a time: before people were known';

-- What needs a person: critical, high and unknown that may alarm and that nobody has seen (D13, D29).
CREATE INDEX execution_analysis_attention ON execution_analysis (execution_timestamp DESC, execution_id DESC)
    WHERE can_alarm AND acknowledged_at IS NULL AND (risk_level IS NULL OR risk_level >= 'high');

CREATE TABLE person_preferences (
    user_id      uuid PRIMARY KEY REFERENCES users,
    locale       text CHECK (locale IN ('es', 'en')),
    theme        text CHECK (theme IN ('dark', 'light')),
    sound_volume smallint NOT NULL DEFAULT 60 CHECK (sound_volume BETWEEN 0 AND 100),
    muted_until  timestamptz,
    has_keys     boolean NOT NULL DEFAULT true,
    updated_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN person_preferences.locale IS 'NULL: as the browser prefers';
COMMENT ON COLUMN person_preferences.theme IS 'NULL: as the system prefers';
COMMENT ON COLUMN person_preferences.sound_volume IS 'of the tone for criticals, in percent; 0: off';
COMMENT ON COLUMN person_preferences.has_keys IS 'whether single keys act (WCAG 2.1.4)';

CREATE TABLE saved_searches (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id    uuid NOT NULL REFERENCES users,
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    query      text NOT NULL CHECK (length(query) <= 2000),
    created_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz
);
COMMENT ON COLUMN saved_searches.query IS 'the query string of the gallery, without "?"';
CREATE UNIQUE INDEX saved_searches_name ON saved_searches (user_id, lower(name)) WHERE removed_at IS NULL;
