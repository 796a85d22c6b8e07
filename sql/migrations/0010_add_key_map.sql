-- Keys as a person wants them; what saiweb/key_map.py reads and refuses is the rule.

ALTER TABLE person_preferences
    ADD COLUMN key_map jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(key_map) = 'object');
COMMENT ON COLUMN person_preferences.key_map IS 'the key of the table, and what the person presses for it; only what differs';
