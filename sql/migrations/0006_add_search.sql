-- The list of executions as it is searched: one narrow row each, beside the tables that hold the truth.
--
-- Everything about an execution that has few values (level, priority, status, Telegram, picture, attention, model,
-- classes) is its kind, and where it was taken is its place. Both are written down once; rows and counts name them. A
-- filter thus becomes a set of kinds and a set of places, whose rows lie in order in one index.

CREATE TABLE search_kinds (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest    uuid NOT NULL UNIQUE,
    level     text NOT NULL,
    priority  text NOT NULL,
    status    text NOT NULL,
    telegram  text NOT NULL,
    image     text NOT NULL,
    attention text NOT NULL,
    model     text NOT NULL,
    classes   text[] NOT NULL,
    value     bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE search_kinds IS 'each combination that ever was, once and for good; "unknown" stands for NULL';
COMMENT ON COLUMN search_kinds.digest IS 'of all the others: what makes a kind unique, however long its parts';

CREATE TABLE search_places (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest    uuid NOT NULL UNIQUE,
    device_id text,
    camera_id text,
    location  text,
    value     bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE search_places IS 'each place that ever was sent, once and for good';
COMMENT ON COLUMN search_kinds.value IS 'about how many executions: as of the last fold';
COMMENT ON COLUMN search_places.value IS 'about how many executions: as of the last fold';

CREATE TABLE search_rows (
    execution_timestamp timestamptz NOT NULL,
    execution_id        bigint NOT NULL,
    kind_id             integer NOT NULL,
    place_id            integer NOT NULL,
    confidence          double precision NOT NULL,
    words               tsvector NOT NULL
) WITH (fillfactor = 90, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON TABLE search_rows IS
    'one per execution, not partitioned: a page is a few probes of one index, not of one for each month';
COMMENT ON COLUMN search_rows.confidence IS '-1: unknown, which comes last';

-- How many executions there are of each kind at each place: what was folded, and what changed since.
CREATE TABLE search_pairs (
    kind_id  integer NOT NULL,
    place_id integer NOT NULL,
    value    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (kind_id, place_id)
);
COMMENT ON TABLE search_pairs IS 'every kind that was ever met at a place; "value" lacks what search_changes holds';

CREATE TABLE search_months (
    month    timestamptz NOT NULL,
    kind_id  integer NOT NULL,
    place_id integer NOT NULL,
    value    bigint NOT NULL,
    PRIMARY KEY (month, kind_id, place_id)
);
COMMENT ON TABLE search_months IS 'search_pairs by month, UTC';

CREATE TABLE search_changes (
    month    timestamptz NOT NULL,
    kind_id  integer NOT NULL,
    place_id integer NOT NULL,
    value    integer NOT NULL
);
COMMENT ON TABLE search_changes IS 'appended by every change, so that none waits for another; folded now and then';

CREATE FUNCTION search_tokens(given text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT regexp_split_to_array(
        lower(regexp_replace(normalize(left(given, 20000), NFKD), '[\u0300-\u036f]', '', 'g')), '[^[:alnum:]]+'
    )
$$;
COMMENT ON FUNCTION search_tokens IS 'The words of a text without accents, in small letters; some may be empty';

CREATE FUNCTION search_words(given text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT array_to_tsvector(coalesce(array_agg(DISTINCT left(token, 64)) FILTER (WHERE token <> ''), '{}'))
    FROM unnest(search_tokens(given)) AS token
$$;

CREATE FUNCTION search_query(given text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT string_agg(quote_literal(left(token, 64)) || CASE WHEN place = parts THEN ':*' ELSE '' END, ' & ')::tsquery
    FROM (
        SELECT token, row_number() OVER part AS place, count(*) OVER (PARTITION BY number) AS parts, number
        FROM regexp_split_to_table(left(given, 200), '\s+') WITH ORDINALITY AS asked (part, number),
             unnest(search_tokens(part)) WITH ORDINALITY AS one (token, position)
        WHERE token <> ''
        WINDOW part AS (PARTITION BY number ORDER BY position)
    ) AS tokens
$$;
COMMENT ON FUNCTION search_query IS 'What finds these beginnings of words, all of them; NULL where there is none';

-- What is searched of each execution, from the tables that hold the truth.
CREATE VIEW search_source AS
SELECT e.execution_timestamp,
       e.id AS execution_id,
       e.device_id,
       e.camera_id,
       e.location,
       coalesce(a.risk_level::text, 'unknown') AS level,
       coalesce(a.alert_priority::text, 'unknown') AS priority,
       e.status,
       CASE WHEN n.telegram_sent THEN 'sent'
            WHEN n.telegram_sent IS NULL THEN 'unknown'
            WHEN n.telegram_error IS NULL THEN 'not_sent'
            ELSE 'failed' END AS telegram,
       coalesce(i.state::text, 'none') AS image,
       CASE WHEN a.acknowledged_at IS NOT NULL THEN 'acknowledged'
            WHEN a.claimed_by IS NOT NULL THEN 'claimed'
            WHEN a.can_alarm AND (a.risk_level IS NULL OR a.risk_level >= 'high') THEN 'waiting'
            ELSE 'none' END AS attention,
       coalesce(a.model_name, 'unknown') AS model,
       CASE WHEN a.detection_count IS NULL THEN '{unknown}'::text[]
            WHEN a.detection_count = 0 THEN '{}'
            ELSE ARRAY(
                SELECT DISTINCT coalesce(lower(d.class_name), 'unknown')
                FROM execution_detections d
                WHERE d.execution_timestamp = e.execution_timestamp AND d.execution_id = e.id
                  AND d.detection_index < a.detection_count
                ORDER BY 1
            ) END AS classes,
       coalesce(a.confidence_score, -1) AS confidence,
       concat_ws(' ', e.location, e.device_id, e.camera_id, a.assessment) AS text
FROM executions e
LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
LEFT JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
LEFT JOIN execution_notifications n ON (n.execution_timestamp, n.execution_id) = (e.execution_timestamp, e.id);

CREATE FUNCTION search_digest(VARIADIC parts text[]) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT md5(parts::text)::uuid $$;

CREATE FUNCTION refresh_search(at timestamptz, execution bigint) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    old   search_rows;
    new   search_source;
    kind  integer;
    place integer;
    mark  uuid;
    first_of_month timestamptz := date_trunc('month', at, 'UTC');
BEGIN
    -- Locked before anything is read, so that of two who change parts of one execution the later sees both changes.
    SELECT * INTO old FROM search_rows r WHERE r.execution_timestamp = at AND r.execution_id = execution FOR UPDATE;
    SELECT * INTO new FROM search_source s WHERE s.execution_timestamp = at AND s.execution_id = execution;
    IF new.execution_id IS NULL THEN
        RETURN;
    END IF;

    mark := search_digest(new.level, new.priority, new.status, new.telegram, new.image, new.attention, new.model,
                          new.classes::text);
    SELECT id INTO kind FROM search_kinds WHERE digest = mark;
    IF kind IS NULL THEN
        INSERT INTO search_kinds (digest, level, priority, status, telegram, image, attention, model, classes)
        VALUES (mark, new.level, new.priority, new.status, new.telegram, new.image, new.attention, new.model,
                new.classes)
        ON CONFLICT (digest) DO NOTHING;
        SELECT id INTO STRICT kind FROM search_kinds WHERE digest = mark;
    END IF;

    mark := search_digest(new.device_id, new.camera_id, new.location);
    SELECT id INTO place FROM search_places WHERE digest = mark;
    IF place IS NULL THEN
        INSERT INTO search_places (digest, device_id, camera_id, location)
        VALUES (mark, new.device_id, new.camera_id, new.location)
        ON CONFLICT (digest) DO NOTHING;
        SELECT id INTO STRICT place FROM search_places WHERE digest = mark;
    END IF;

    IF old.execution_id IS NULL THEN
        INSERT INTO search_rows (execution_timestamp, execution_id, kind_id, place_id, confidence, words)
        VALUES (at, execution, kind, place, new.confidence, search_words(new.text));
    ELSE
        UPDATE search_rows r
        SET kind_id = kind, place_id = place, confidence = new.confidence, words = search_words(new.text)
        WHERE r.execution_timestamp = at AND r.execution_id = execution
          AND (r.kind_id, r.place_id, r.confidence, r.words)
              IS DISTINCT FROM (kind, place, new.confidence, search_words(new.text));
    END IF;

    IF (old.kind_id, old.place_id) IS DISTINCT FROM (kind, place) THEN
        INSERT INTO search_pairs (kind_id, place_id) VALUES (kind, place) ON CONFLICT DO NOTHING;
        INSERT INTO search_changes (month, kind_id, place_id, value) VALUES (first_of_month, kind, place, 1);
        IF old.execution_id IS NOT NULL THEN
            INSERT INTO search_changes (month, kind_id, place_id, value)
            VALUES (first_of_month, old.kind_id, old.place_id, -1);
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION refresh_search IS 'Bring one execution''s row, and the counts, to what the tables say';

CREATE FUNCTION fold_search_changes() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH gone AS (
        DELETE FROM public.search_changes RETURNING month, kind_id, place_id, value
    ), net AS (
        SELECT month, kind_id, place_id, sum(value) AS value FROM gone GROUP BY 1, 2, 3 HAVING sum(value) <> 0
    ), months AS (
        INSERT INTO public.search_months AS m (month, kind_id, place_id, value)
        SELECT month, kind_id, place_id, value FROM net ORDER BY 1, 2, 3
        ON CONFLICT (month, kind_id, place_id) DO UPDATE SET value = m.value + excluded.value
    ), pairs AS (
        INSERT INTO public.search_pairs AS p (kind_id, place_id, value)
        SELECT kind_id, place_id, sum(value) FROM net GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (kind_id, place_id) DO UPDATE SET value = p.value + excluded.value
    ), kinds AS (
        UPDATE public.search_kinds k SET value = k.value + one.value
        FROM (SELECT kind_id, sum(value) AS value FROM net GROUP BY 1) AS one
        WHERE k.id = one.kind_id
    ), places AS (
        UPDATE public.search_places p SET value = p.value + one.value
        FROM (SELECT place_id, sum(value) AS value FROM net GROUP BY 1) AS one
        WHERE p.id = one.place_id
    )
    SELECT count(*) FROM gone
$$;
REVOKE ALL ON FUNCTION fold_search_changes() FROM PUBLIC;
COMMENT ON FUNCTION fold_search_changes IS 'Add what changed to the counts; returns how many changes there were';

CREATE FUNCTION on_search_source() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_ARGV[0] = 'whole' THEN
        PERFORM refresh_search(NEW.execution_timestamp, NEW.id);
    ELSE
        PERFORM refresh_search(NEW.execution_timestamp, NEW.execution_id);
    END IF;
    RETURN NULL;
END
$$;

-- What there is already.
CREATE TEMPORARY TABLE search_found ON COMMIT DROP AS
SELECT s.*,
       search_digest(level, priority, status, telegram, image, attention, model, classes::text) AS kind_digest,
       search_digest(device_id, camera_id, location) AS place_digest
FROM search_source s;
INSERT INTO search_kinds (digest, level, priority, status, telegram, image, attention, model, classes)
SELECT DISTINCT kind_digest, level, priority, status, telegram, image, attention, model, classes FROM search_found;
INSERT INTO search_places (digest, device_id, camera_id, location)
SELECT DISTINCT place_digest, device_id, camera_id, location FROM search_found;
INSERT INTO search_rows (execution_timestamp, execution_id, kind_id, place_id, confidence, words)
SELECT f.execution_timestamp, f.execution_id, k.id, p.id, f.confidence, search_words(f.text)
FROM search_found f
JOIN search_kinds k ON k.digest = f.kind_digest
JOIN search_places p ON p.digest = f.place_digest
ORDER BY f.execution_timestamp, f.execution_id;
INSERT INTO search_changes (month, kind_id, place_id, value)
SELECT date_trunc('month', execution_timestamp, 'UTC'), kind_id, place_id, count(*) FROM search_rows GROUP BY 1, 2, 3;
SELECT fold_search_changes();

ALTER TABLE search_rows
    ADD PRIMARY KEY (execution_timestamp, execution_id) INCLUDE (kind_id, place_id, confidence);
CREATE INDEX search_rows_kind ON search_rows (kind_id, execution_timestamp, execution_id)
    INCLUDE (place_id, confidence);
CREATE INDEX search_rows_place ON search_rows (place_id, kind_id, execution_timestamp, execution_id)
    INCLUDE (confidence);
CREATE INDEX search_rows_confidence ON search_rows (kind_id, confidence, execution_timestamp, execution_id)
    INCLUDE (place_id);
CREATE INDEX search_rows_words ON search_rows USING gin (words) WITH (fastupdate = off);

-- The parts are inserted together with their execution, in one statement; this one fires when it has ended.
CREATE TRIGGER search AFTER INSERT OR UPDATE ON executions
    FOR EACH ROW EXECUTE FUNCTION on_search_source('whole');
CREATE TRIGGER search AFTER UPDATE ON execution_analysis FOR EACH ROW
    WHEN ((OLD.claimed_by, OLD.acknowledged_at) IS DISTINCT FROM (NEW.claimed_by, NEW.acknowledged_at))
    EXECUTE FUNCTION on_search_source('part');
CREATE TRIGGER search AFTER UPDATE ON execution_images FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION on_search_source('part');
