-- The list can be asked what became of the review of an execution, and a model that says only its version counts as that.
--
-- While anybody still has to judge an execution, it waits: also where its case is closed and somebody judges it anew to
-- be measured (a gold item). So the list tells no expert what others said before that expert has answered.

ALTER TABLE search_kinds ADD COLUMN review text NOT NULL DEFAULT 'none';
ALTER TABLE search_kinds ALTER COLUMN review DROP DEFAULT;
UPDATE search_kinds
SET digest = search_digest(level, priority, status, telegram, image, attention, model, classes::text, certainty::text,
                           review);

CREATE FUNCTION search_review(execution bigint) RETURNS text LANGUAGE sql STABLE
AS $$
    SELECT coalesce((
        SELECT CASE WHEN c.state <> 'closed'
                      OR EXISTS (SELECT FROM expert_reviews r
                                 WHERE r.execution_id = c.execution_id AND r.status <> 'completed') THEN 'waiting'
                    WHEN c.outcome_level IS NULL THEN 'undecided'
                    WHEN c.outcome_level = 'none' THEN 'false_alarm'
                    ELSE 'confirmed' END
        FROM review_cases c
        WHERE c.execution_id = execution
    ), 'none')
$$;
COMMENT ON FUNCTION search_review IS 'none: nobody was asked; waiting: somebody still has to judge it; else the outcome';

CREATE OR REPLACE VIEW search_source AS
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
       coalesce(a.model_name, a.model_version, 'unknown') AS model,
       search_classes(a.detection_count, ARRAY(
           SELECT d.class_name
           FROM execution_detections d
           WHERE d.execution_timestamp = e.execution_timestamp AND d.execution_id = e.id
             AND d.detection_index < a.detection_count
       )) AS classes,
       coalesce(a.confidence_score, -1) AS confidence,
       a.assessment,
       search_review(e.id) AS review
FROM executions e
LEFT JOIN execution_analysis a ON (a.execution_timestamp, a.execution_id) = (e.execution_timestamp, e.id)
LEFT JOIN execution_images i ON (i.execution_timestamp, i.execution_id) = (e.execution_timestamp, e.id)
LEFT JOIN execution_notifications n ON (n.execution_timestamp, n.execution_id) = (e.execution_timestamp, e.id);

DROP FUNCTION search_kind(text, text, text, text, text, text, text, text[], smallint);
CREATE FUNCTION search_kind(
    new_level text, new_priority text, new_status text, new_telegram text, new_image text, new_attention text,
    new_model text, new_classes text[], new_certainty smallint, new_review text
) RETURNS integer LANGUAGE plpgsql
AS $$
DECLARE
    mark uuid := search_digest(new_level, new_priority, new_status, new_telegram, new_image, new_attention, new_model,
                               new_classes::text, new_certainty::text, new_review);
    kind integer;
BEGIN
    SELECT id INTO kind FROM search_kinds WHERE digest = mark;
    IF kind IS NULL THEN
        INSERT INTO search_kinds (digest, level, priority, status, telegram, image, attention, model, classes,
                                  certainty, review)
        VALUES (mark, new_level, new_priority, new_status, new_telegram, new_image, new_attention, new_model,
                new_classes, new_certainty, new_review)
        ON CONFLICT (digest) DO NOTHING;
        SELECT id INTO STRICT kind FROM search_kinds WHERE digest = mark;
    END IF;
    RETURN kind;
END
$$;
COMMENT ON FUNCTION search_kind IS 'The number of a kind, which is written down if it is new';

DROP FUNCTION put_search(timestamptz, bigint, text, text, text, text, text, text, text, text, text, text, text[],
                         double precision, text);
CREATE FUNCTION put_search(
    at timestamptz, execution bigint, device text, camera text, located text, level text, priority text, status text,
    telegram text, image text, attention text, model text, classes text[], sure double precision, said text, review text
) RETURNS void LANGUAGE plpgsql
AS $$
DECLARE
    old   search_rows;
    kind  integer;
    place integer := search_place(device, camera, located);
    found tsvector := search_words(concat_ws(' ', located, device, camera, said));
BEGIN
    SELECT * INTO old FROM search_rows r WHERE r.execution_timestamp = at AND r.execution_id = execution FOR UPDATE;
    kind := search_kind(level, priority, status, telegram, image, attention, model, classes, search_certainty(sure),
                        review);
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

CREATE OR REPLACE FUNCTION refresh_search(at timestamptz, execution bigint) RETURNS void LANGUAGE plpgsql
AS $$
DECLARE
    new search_source;
BEGIN
    PERFORM FROM search_rows r WHERE r.execution_timestamp = at AND r.execution_id = execution FOR UPDATE;
    SELECT * INTO new FROM search_source s WHERE s.execution_timestamp = at AND s.execution_id = execution;
    IF new.execution_id IS NOT NULL THEN
        PERFORM put_search(at, execution, new.device_id, new.camera_id, new.location, new.level, new.priority,
                           new.status, new.telegram, new.image, new.attention, new.model, new.classes, new.confidence,
                           new.assessment, new.review);
    END IF;
END
$$;

DROP FUNCTION change_search(timestamptz, bigint, text, text);
CREATE FUNCTION change_search(
    at timestamptz, execution bigint, new_image text DEFAULT NULL, new_attention text DEFAULT NULL,
    new_review text DEFAULT NULL
) RETURNS void LANGUAGE plpgsql
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
                        coalesce(new_attention, was.attention), was.model, was.classes, was.certainty,
                        coalesce(new_review, was.review));
    IF kind <> old.kind_id THEN
        UPDATE search_rows r SET kind_id = kind WHERE r.execution_timestamp = at AND r.execution_id = execution;
        PERFORM note_search_change(at, old.kind_id, old.place_id, kind, old.place_id);
    END IF;
END
$$;
COMMENT ON FUNCTION change_search IS 'Change a part of what is searched of an execution; NULL: that part is as it was';

CREATE OR REPLACE FUNCTION search_picture() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM change_search(NEW.execution_timestamp, NEW.execution_id, new_image => NEW.state::text);
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION search_attention_paid() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM change_search(
        NEW.execution_timestamp, NEW.execution_id,
        new_attention => search_attention(NEW.acknowledged_at, NEW.claimed_by, NEW.can_alarm, NEW.risk_level));
    RETURN NULL;
END
$$;

-- What there is already. The change above keeps everybody else from writing a kind until this is done.
CREATE TEMPORARY TABLE search_moved ON COMMIT DROP AS
SELECT m.*, search_digest(level, priority, status, telegram, image, attention, model, classes::text, certainty::text,
                          review) AS digest
FROM (
    SELECT r.execution_timestamp, r.execution_id, r.kind_id, r.place_id, k.level, k.priority, k.status, k.telegram,
           k.image, k.attention, coalesce(a.model_version, k.model) AS model, k.classes, k.certainty,
           search_review(r.execution_id) AS review
    FROM search_rows r
    JOIN search_kinds k ON k.id = r.kind_id
    LEFT JOIN execution_analysis a
        ON k.model = 'unknown' AND (a.execution_timestamp, a.execution_id) = (r.execution_timestamp, r.execution_id)
       AND a.model_name IS NULL
    WHERE a.model_version IS NOT NULL OR EXISTS (SELECT FROM review_cases c WHERE c.execution_id = r.execution_id)
) AS m;
INSERT INTO search_kinds (digest, level, priority, status, telegram, image, attention, model, classes, certainty,
                          review)
SELECT DISTINCT digest, level, priority, status, telegram, image, attention, model, classes, certainty, review
FROM search_moved
ON CONFLICT (digest) DO NOTHING;
UPDATE search_rows r
SET kind_id = k.id
FROM search_moved m JOIN search_kinds k ON k.digest = m.digest
WHERE (r.execution_timestamp, r.execution_id) = (m.execution_timestamp, m.execution_id);
INSERT INTO search_changes (month, kind_id, place_id, value)
SELECT date_trunc('month', m.execution_timestamp, 'UTC'), one.kind_id, m.place_id, sum(one.value)
FROM search_moved m
JOIN search_kinds k ON k.digest = m.digest
CROSS JOIN LATERAL (VALUES (m.kind_id, -1), (k.id, 1)) AS one (kind_id, value)
GROUP BY 1, 2, 3
HAVING sum(one.value) <> 0;
SELECT fold_search_changes();

CREATE FUNCTION search_case() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM change_search(NEW.execution_timestamp, NEW.execution_id, new_review => search_review(NEW.execution_id));
    RETURN NULL;
END
$$;

CREATE FUNCTION search_opinion() RETURNS trigger LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM change_search(c.execution_timestamp, c.execution_id, new_review => search_review(c.execution_id))
    FROM review_cases c
    WHERE c.execution_id = NEW.execution_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER search_new AFTER INSERT ON review_cases FOR EACH ROW
    EXECUTE FUNCTION search_case();
CREATE TRIGGER search AFTER UPDATE ON review_cases FOR EACH ROW
    WHEN ((OLD.state, OLD.outcome_level) IS DISTINCT FROM (NEW.state, NEW.outcome_level))
    EXECUTE FUNCTION search_case();
-- A first opinion is asked of an open case alone, which waits already.
CREATE TRIGGER search_new AFTER INSERT ON expert_reviews FOR EACH ROW
    WHEN (NEW.opinion > 1)
    EXECUTE FUNCTION search_opinion();
CREATE TRIGGER search AFTER UPDATE ON expert_reviews FOR EACH ROW
    WHEN ((OLD.status = 'completed') <> (NEW.status = 'completed'))
    EXECUTE FUNCTION search_opinion();

-- Words beside what a kind says, places and weeks in one index: what is found has all of them, and no other row is read.
-- A kind is never changed once it is written, so what it says is as immutable as its number: that is what an index needs.
-- Whoever gives kinds another property in a later version builds this index anew.
CREATE FUNCTION search_marked(name text, found text[]) RETURNS integer[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(array_agg(('x' || left(md5(name || ':' || value), 8))::bit(32)::integer), '{}')
    FROM unnest(found) AS one (value)
$$;
COMMENT ON FUNCTION search_marked IS 'Numbers for values of a property; two may have the same, so the kind is looked at, too';

ALTER TABLE search_kinds ADD COLUMN marks integer[] NOT NULL GENERATED ALWAYS AS (
    search_marked('level', ARRAY[level]) || search_marked('priority', ARRAY[priority])
    || search_marked('status', ARRAY[status]) || search_marked('telegram', ARRAY[telegram])
    || search_marked('image', ARRAY[image]) || search_marked('attention', ARRAY[attention])
    || search_marked('model', ARRAY[model]) || search_marked('class', classes)
    || search_marked('review', ARRAY[review]) || search_marked('fifth', ARRAY[certainty::text])
) STORED;
COMMENT ON COLUMN search_kinds.marks IS 'all the others but the digest, as numbers of search_marked()';

CREATE FUNCTION search_marks(kind integer) RETURNS integer[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    found integer[];
BEGIN
    SELECT marks INTO STRICT found FROM search_kinds WHERE id = kind;  -- an index without them would find nothing
    RETURN found;
END
$$;
COMMENT ON FUNCTION search_marks IS 'What a kind says; the kind must be there, also when the index is built anew';

CREATE FUNCTION search_week(at timestamptz) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT floor(extract(epoch FROM at - '2000-01-03 00:00+00'::timestamptz) / 604800)::integer $$;
COMMENT ON FUNCTION search_week IS 'The number of a week, from Monday to Sunday in UTC';

DROP INDEX search_rows_words;
CREATE INDEX search_rows_words ON search_rows
    USING gin (words, search_marks(kind_id), (ARRAY[place_id]), (ARRAY[search_week(execution_timestamp)]))
    WITH (fastupdate = off);
ANALYZE search_rows;
