-- The list of executions as it is searched: one narrow row each, beside the tables that hold the truth.
--
-- Everything about an execution that has few values (level, priority, status, Telegram, picture, attention, model,
-- classes, fifths of confidence) is its kind, and where it was taken is its place. Both are written down once; rows and
-- counts name them. A filter thus becomes a set of kinds and a set of places, whose rows lie in order in an index.
--
-- Who loads an execution knows all that is searched of it, and writes its row in the same statement (put_search). A change
-- of one part changes that part of the kind alone. Where an execution is loaded again, its tables are read again.

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
    certainty smallint NOT NULL,
    value     bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE search_kinds IS 'each combination that ever was, once and for good; "unknown" stands for NULL';
COMMENT ON COLUMN search_kinds.certainty IS 'the fifth that the confidence lies in, 0 to 4; -1: unknown';
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
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.02);
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
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
    tokens text[];
BEGIN
    given := lower(normalize(left(given, 20000), NFKD));
    IF given ~ '[\u0300-\u036f]' THEN
        given := regexp_replace(given, '[\u0300-\u036f]', '', 'g');
    END IF;
    tokens := regexp_split_to_array(given, '[^[:alnum:]]+');
    IF given ~ '[^[:space:]]{65}' THEN  -- an index has no room for words of any length
        tokens := ARRAY(SELECT left(token, 64) FROM unnest(tokens) AS token);
    END IF;
    RETURN tokens;
END
$$;
COMMENT ON FUNCTION search_tokens IS 'The words of a text without accents, in small letters; some may be empty';

CREATE FUNCTION search_words(given text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN array_to_tsvector(array_remove(search_tokens(coalesce(given, '')), ''));
END
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

CREATE FUNCTION search_attention(acknowledged timestamptz, claimed uuid, can_alarm boolean, level risk_level)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN acknowledged IS NOT NULL THEN 'acknowledged'
                WHEN claimed IS NOT NULL THEN 'claimed'
                WHEN can_alarm AND (level IS NULL OR level >= 'high') THEN 'waiting'
                ELSE 'none' END
$$;

CREATE FUNCTION search_telegram(sent boolean, error text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN sent THEN 'sent' WHEN sent IS NULL THEN 'unknown' WHEN error IS NULL THEN 'not_sent'
                ELSE 'failed' END
$$;

CREATE FUNCTION search_classes(detections integer, names text[]) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN detections IS NULL THEN '{unknown}'::text[]
                WHEN detections = 0 THEN '{}'
                ELSE ARRAY(SELECT DISTINCT coalesce(lower(name), 'unknown') FROM unnest(names) AS name ORDER BY 1) END
$$;
COMMENT ON FUNCTION search_classes IS 'The classes of the current detections, each once';

CREATE FUNCTION search_certainty(confidence double precision) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN confidence < 0 OR confidence IS NULL THEN -1 ELSE least(floor(confidence * 5), 4) END::smallint $$;
COMMENT ON FUNCTION search_certainty IS 'The fifth that a confidence lies in, 0 to 4; -1: unknown';

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
       search_telegram(n.telegram_sent, n.telegram_error) AS telegram,
       coalesce(i.state::text, 'none') AS image,
       search_attention(a.acknowledged_at, a.claimed_by, a.can_alarm, a.risk_level) AS attention,
       coalesce(a.model_name, 'unknown') AS model,
       search_classes(a.detection_count, ARRAY(
           SELECT d.class_name
           FROM execution_detections d
           WHERE d.execution_timestamp = e.execution_timestamp AND d.execution_id = e.id
             AND d.detection_index < a.detection_count
       )) AS classes,
       coalesce(a.confidence_score, -1) AS confidence,
       a.assessment
FROM executions e
LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
LEFT JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
LEFT JOIN execution_notifications n ON (n.execution_timestamp, n.execution_id) = (e.execution_timestamp, e.id);

CREATE FUNCTION search_digest(VARIADIC parts text[]) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT md5(parts::text)::uuid $$;

CREATE FUNCTION search_kind(
    new_level text, new_priority text, new_status text, new_telegram text, new_image text, new_attention text,
    new_model text, new_classes text[], new_certainty smallint
) RETURNS integer LANGUAGE plpgsql
AS $$
DECLARE
    mark uuid := search_digest(new_level, new_priority, new_status, new_telegram, new_image, new_attention, new_model,
                               new_classes::text, new_certainty::text);
    kind integer;
BEGIN
    SELECT id INTO kind FROM search_kinds WHERE digest = mark;
    IF kind IS NULL THEN
        INSERT INTO search_kinds (digest, level, priority, status, telegram, image, attention, model, classes,
                                  certainty)
        VALUES (mark, new_level, new_priority, new_status, new_telegram, new_image, new_attention, new_model,
                new_classes, new_certainty)
        ON CONFLICT (digest) DO NOTHING;
        SELECT id INTO STRICT kind FROM search_kinds WHERE digest = mark;
    END IF;
    RETURN kind;
END
$$;
COMMENT ON FUNCTION search_kind IS 'The number of a kind, which is written down if it is new';

CREATE FUNCTION search_place(new_device text, new_camera text, new_location text) RETURNS integer LANGUAGE plpgsql
AS $$
DECLARE
    mark  uuid := search_digest(new_device, new_camera, new_location);
    place integer;
BEGIN
    SELECT id INTO place FROM search_places WHERE digest = mark;
    IF place IS NULL THEN
        INSERT INTO search_places (digest, device_id, camera_id, location)
        VALUES (mark, new_device, new_camera, new_location)
        ON CONFLICT (digest) DO NOTHING;
        SELECT id INTO STRICT place FROM search_places WHERE digest = mark;
    END IF;
    RETURN place;
END
$$;
COMMENT ON FUNCTION search_place IS 'The number of a place, which is written down if it is new';

CREATE FUNCTION note_search_change(at timestamptz, old_kind integer, old_place integer, kind integer, place integer)
RETURNS void LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO search_pairs (kind_id, place_id) VALUES (kind, place) ON CONFLICT DO NOTHING;
    INSERT INTO search_changes (month, kind_id, place_id, value)
    SELECT date_trunc('month', at, 'UTC'), one.kind_id, one.place_id, one.value
    FROM (VALUES (kind, place, 1), (old_kind, old_place, -1)) AS one (kind_id, place_id, value)
    WHERE one.kind_id IS NOT NULL;
END
$$;
COMMENT ON FUNCTION note_search_change IS 'Count an execution where it is now, and no longer where it was (NULL: new)';

CREATE FUNCTION put_search(
    at timestamptz, execution bigint, device text, camera text, located text, level text, priority text, status text,
    telegram text, image text, attention text, model text, classes text[], sure double precision, said text
) RETURNS void LANGUAGE plpgsql
AS $$
DECLARE
    old   search_rows;
    kind  integer;
    place integer := search_place(device, camera, located);
    found tsvector := search_words(concat_ws(' ', located, device, camera, said));
BEGIN
    SELECT * INTO old FROM search_rows r WHERE r.execution_timestamp = at AND r.execution_id = execution FOR UPDATE;
    kind := search_kind(level, priority, status, telegram, image, attention, model, classes, search_certainty(sure));
    IF old.execution_id IS NULL THEN
        INSERT INTO search_rows (execution_timestamp, execution_id, kind_id, place_id, confidence, words)
        VALUES (at, execution, kind, place, coalesce(sure, -1), found);
    ELSE
        UPDATE search_rows r
        SET kind_id = kind, place_id = place, confidence = coalesce(sure, -1), words = found
        WHERE r.execution_timestamp = at AND r.execution_id = execution
          AND (r.kind_id, r.place_id, r.confidence, r.words) IS DISTINCT FROM (kind, place, coalesce(sure, -1), found);
    END IF;
    IF (old.kind_id, old.place_id) IS DISTINCT FROM (kind, place) THEN
        PERFORM note_search_change(at, old.kind_id, old.place_id, kind, place);
    END IF;
END
$$;
COMMENT ON FUNCTION put_search IS 'Write what is searched of an execution, as it is told';

CREATE FUNCTION refresh_search(at timestamptz, execution bigint) RETURNS void LANGUAGE plpgsql
AS $$
DECLARE
    new search_source;
BEGIN
    PERFORM FROM search_rows r WHERE r.execution_timestamp = at AND r.execution_id = execution FOR UPDATE;
    SELECT * INTO new FROM search_source s WHERE s.execution_timestamp = at AND s.execution_id = execution;
    IF new.execution_id IS NOT NULL THEN
        PERFORM put_search(at, execution, new.device_id, new.camera_id, new.location, new.level, new.priority,
                           new.status, new.telegram, new.image, new.attention, new.model, new.classes, new.confidence,
                           new.assessment);
    END IF;
END
$$;
COMMENT ON FUNCTION refresh_search IS 'Write what is searched of an execution, from its tables';

CREATE FUNCTION change_search(at timestamptz, execution bigint, new_image text, new_attention text) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    old search_rows;
    was search_kinds;
    kind integer;
BEGIN
    -- Locked first: of two who change different parts at once, the later then starts from what the earlier left.
    SELECT * INTO old FROM search_rows r WHERE r.execution_timestamp = at AND r.execution_id = execution FOR UPDATE;
    IF old.execution_id IS NULL THEN
        PERFORM refresh_search(at, execution);
        RETURN;
    END IF;
    SELECT * INTO was FROM search_kinds k WHERE k.id = old.kind_id;
    kind := search_kind(was.level, was.priority, was.status, was.telegram, coalesce(new_image, was.image),
                        coalesce(new_attention, was.attention), was.model, was.classes, was.certainty);
    IF kind <> old.kind_id THEN
        UPDATE search_rows r SET kind_id = kind WHERE r.execution_timestamp = at AND r.execution_id = execution;
        PERFORM note_search_change(at, old.kind_id, old.place_id, kind, old.place_id);
    END IF;
END
$$;
COMMENT ON FUNCTION change_search IS 'Change a part of what is searched of an execution; NULL: that part is as it was';

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

-- What there is already.
CREATE TEMPORARY TABLE search_found ON COMMIT DROP AS
SELECT s.*,
       search_digest(level, priority, status, telegram, image, attention, model, classes::text,
                     search_certainty(confidence)::text) AS kind_digest,
       search_certainty(confidence) AS certainty,
       search_digest(device_id, camera_id, location) AS place_digest
FROM search_source s;
INSERT INTO search_kinds (digest, level, priority, status, telegram, image, attention, model, classes, certainty)
SELECT DISTINCT kind_digest, level, priority, status, telegram, image, attention, model, classes, certainty
FROM search_found;
INSERT INTO search_places (digest, device_id, camera_id, location)
SELECT DISTINCT place_digest, device_id, camera_id, location FROM search_found;
INSERT INTO search_rows (execution_timestamp, execution_id, kind_id, place_id, confidence, words)
SELECT f.execution_timestamp, f.execution_id, k.id, p.id, f.confidence,
       search_words(concat_ws(' ', f.location, f.device_id, f.camera_id, f.assessment))
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

CREATE FUNCTION search_again() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM refresh_search(NEW.execution_timestamp, NEW.id);
    RETURN NULL;
END
$$;

CREATE FUNCTION search_picture() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM change_search(NEW.execution_timestamp, NEW.execution_id, NEW.state::text, NULL);
    RETURN NULL;
END
$$;

CREATE FUNCTION search_attention_paid() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM change_search(NEW.execution_timestamp, NEW.execution_id, NULL,
                          search_attention(NEW.acknowledged_at, NEW.claimed_by, NEW.can_alarm, NEW.risk_level));
    RETURN NULL;
END
$$;

CREATE TRIGGER search AFTER UPDATE ON executions FOR EACH ROW
    EXECUTE FUNCTION search_again();
CREATE TRIGGER search AFTER UPDATE ON execution_images FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION search_picture();
CREATE TRIGGER search AFTER UPDATE ON execution_analysis FOR EACH ROW
    WHEN ((OLD.claimed_by, OLD.acknowledged_at) IS DISTINCT FROM (NEW.claimed_by, NEW.acknowledged_at))
    EXECUTE FUNCTION search_attention_paid();
