-- Expert review: cases, the opinions asked for each, and what experts signed. All refer to execution_keys: they outlive
-- a detached month, so a case carries what it must know of its execution.

CREATE TYPE review_status AS ENUM ('pending', 'in_progress', 'completed', 'escalated');
CREATE TYPE review_case_state AS ENUM ('open', 'disputed', 'closed');
CREATE TYPE review_notice_kind AS ENUM ('half_time', 'deadline', 'escalated', 'unassigned', 'disputed');

-- One per execution that is or was to be judged. Whoever changes a case or one of its reviews locks this row first.
CREATE TABLE review_cases (
    execution_id        bigint PRIMARY KEY REFERENCES execution_keys,
    execution_timestamp timestamptz NOT NULL,
    detected_at         timestamptz NOT NULL,
    reason              text NOT NULL CHECK (reason IN ('critical', 'high', 'unknown', 'asked')),
    risk_level          risk_level,
    smoke_detected      boolean,
    flame_detected      boolean,
    confidence_score    double precision,
    model_name          text,
    device_id           text,
    camera_id           text,
    location            text,
    state               review_case_state NOT NULL DEFAULT 'open',
    is_sampled          boolean,
    settle_after        timestamptz,
    outcome_level       risk_level,
    outcome_source      text CHECK (outcome_source IN ('single', 'agreement', 'admin', 'undecided')),
    opened_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at           timestamptz,
    CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    CHECK ((state = 'closed') = (outcome_source IS NOT NULL)),
    CHECK ((outcome_level IS NOT NULL) = (outcome_source IS NOT NULL AND outcome_source <> 'undecided'))
);
COMMENT ON COLUMN review_cases.detected_at IS 'n8n''s stoppedAt: deadlines count from here (D15)';
COMMENT ON COLUMN review_cases.risk_level IS 'what the AI said, the highest of its readings; NULL: not analysed';
COMMENT ON COLUMN review_cases.is_sampled IS 'drawn by lot for a second opinion; NULL: not drawn yet';
COMMENT ON COLUMN review_cases.settle_after IS 'when the last verdict can no longer be undone and the case goes on';
CREATE INDEX review_cases_settle ON review_cases (settle_after, execution_id) WHERE settle_after IS NOT NULL;
CREATE INDEX review_cases_disputed ON review_cases (detected_at, execution_id) WHERE state = 'disputed';
CREATE INDEX review_cases_closed ON review_cases (closed_at DESC, execution_id DESC) WHERE state = 'closed';
CREATE INDEX review_cases_camera ON review_cases (device_id, camera_id, detected_at DESC);

-- Executions whose truth is known: given to experts among the others, to measure them.
CREATE TABLE gold_items (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    execution_id bigint NOT NULL REFERENCES review_cases,
    risk_level   risk_level NOT NULL,
    note         text CHECK (length(note) <= 500),
    added_at     timestamptz NOT NULL DEFAULT now(),
    added_by     uuid NOT NULL REFERENCES users,
    retired_at   timestamptz
);
CREATE UNIQUE INDEX gold_items_execution ON gold_items (execution_id) WHERE retired_at IS NULL;

CREATE TABLE expert_reviews (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    execution_id        bigint NOT NULL REFERENCES review_cases,
    opinion             smallint NOT NULL DEFAULT 1 CHECK (opinion BETWEEN 1 AND 9),
    is_second_opinion   boolean GENERATED ALWAYS AS (opinion > 1) STORED,
    gold_id             uuid REFERENCES gold_items,
    expert_id           uuid REFERENCES users,
    status              review_status NOT NULL DEFAULT 'pending',
    priority            smallint NOT NULL CHECK (priority BETWEEN 1 AND 5),
    asked_at            timestamptz NOT NULL,
    assigned_at         timestamptz,
    deadline            timestamptz NOT NULL,
    deadline_rule       text NOT NULL CHECK (deadline_rule ~ '^[a-z_]{1,40}$'),
    deadline_by         uuid REFERENCES users,
    started_at          timestamptz,
    completed_at        timestamptz,
    parked_at           timestamptz,
    parked_note         text CHECK (length(parked_note) BETWEEN 1 AND 500),
    escalated_at        timestamptz,
    escalation_note     text CHECK (length(escalation_note) <= 500),
    declined_by         uuid[] NOT NULL DEFAULT '{}',
    is_blind_to_ai      boolean NOT NULL DEFAULT false,
    is_superseded       boolean NOT NULL DEFAULT false,
    revision            integer NOT NULL DEFAULT 0,
    expert_risk_level   risk_level,
    is_cannot_tell      boolean NOT NULL DEFAULT false,
    agrees_with_ai      boolean,
    is_right            boolean,
    use_for_training    boolean,
    training_weight     double precision CHECK (training_weight BETWEEN 0 AND 10),
    fire_kind           text,
    fire_stage          text,
    fire_cause          text,
    false_alarm_reasons text[] NOT NULL DEFAULT '{}',
    corrections         jsonb CHECK (jsonb_typeof(corrections) = 'array'),
    clarity             smallint CHECK (clarity BETWEEN 1 AND 5),
    difficulty          smallint CHECK (difficulty BETWEEN 1 AND 5),
    evidence_quality    text CHECK (evidence_quality IN ('insufficient', 'limited', 'sufficient', 'strong')),
    notes               text CHECK (length(notes) <= 4000),
    tags                text[] NOT NULL DEFAULT '{}',
    CHECK ((expert_id IS NULL) = (assigned_at IS NULL)),
    CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
    CHECK ((parked_at IS NULL) = (parked_note IS NULL)),
    CHECK (status <> 'in_progress' OR expert_id IS NOT NULL),
    CHECK (status <> 'completed' OR (expert_risk_level IS NOT NULL)::int + is_cannot_tell::int + is_superseded::int = 1),
    CHECK (status = 'completed' OR (expert_risk_level IS NULL AND NOT is_cannot_tell AND NOT is_superseded)),
    CHECK (status <> 'completed' OR is_superseded OR (expert_id IS NOT NULL AND revision > 0)),
    CHECK (gold_id IS NULL OR opinion = 2)
);
COMMENT ON COLUMN expert_reviews.opinion IS '1: the first; 2: a second opinion, blind; from 3 on: decides between the others';
COMMENT ON COLUMN expert_reviews.gold_id IS 'the truth is known: looks like any second opinion and counts for no case';
COMMENT ON COLUMN expert_reviews.priority IS '1 is most urgent: critical 1, high 2, unknown 3, else 4';
COMMENT ON COLUMN expert_reviews.asked_at IS 'from when the deadline counts: detection for the first opinion';
COMMENT ON COLUMN expert_reviews.deadline_rule IS 'the rule or action that last set the deadline; review_deadlines has all of them';
COMMENT ON COLUMN expert_reviews.declined_by IS 'who gave it back: not given it again without asking for it';
COMMENT ON COLUMN expert_reviews.is_superseded IS 'ended by an admin without a verdict, since the case was decided';
COMMENT ON COLUMN expert_reviews.expert_risk_level IS 'the verdict in force; NULL beside is_cannot_tell: a signed "I cannot tell"';
COMMENT ON COLUMN expert_reviews.agrees_with_ai IS 'NULL: no verdict, or the AI said nothing';
COMMENT ON COLUMN expert_reviews.is_right IS 'equals the known truth, or what several experts agreed on; NULL: nobody knows';
CREATE UNIQUE INDEX expert_reviews_opinion ON expert_reviews (execution_id, opinion) WHERE gold_id IS NULL;
CREATE UNIQUE INDEX expert_reviews_one_each ON expert_reviews (execution_id, expert_id);  -- nobody is asked twice
CREATE INDEX expert_reviews_open ON expert_reviews (deadline, id) WHERE status <> 'completed';
CREATE INDEX expert_reviews_mine ON expert_reviews (expert_id, deadline, id) WHERE status <> 'completed';
CREATE INDEX expert_reviews_waiting ON expert_reviews (deadline, id) WHERE status <> 'completed' AND expert_id IS NULL;
CREATE INDEX expert_reviews_done ON expert_reviews (expert_id, completed_at DESC, id) WHERE status = 'completed';
CREATE INDEX expert_reviews_assigned ON expert_reviews (expert_id, assigned_at DESC);
CREATE INDEX expert_reviews_measured ON expert_reviews (expert_id, completed_at DESC) WHERE is_right IS NOT NULL;
CREATE INDEX expert_reviews_gold ON expert_reviews (expert_id, asked_at) WHERE gold_id IS NOT NULL;

-- Every deadline that a review ever had: written by a trigger, so none can move silently.
CREATE TABLE review_deadlines (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    review_id  uuid NOT NULL REFERENCES expert_reviews,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    before     timestamptz,
    after      timestamptz NOT NULL,
    rule       text NOT NULL,
    changed_by uuid REFERENCES users
);
CREATE INDEX review_deadlines_review ON review_deadlines (review_id, id);

CREATE FUNCTION log_review_deadline() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO public.review_deadlines (review_id, before, after, rule, changed_by)
    VALUES (NEW.id, CASE WHEN TG_OP = 'UPDATE' THEN OLD.deadline END, NEW.deadline, NEW.deadline_rule, NEW.deadline_by);
    RETURN NULL;
END
$$;
CREATE TRIGGER expert_reviews_first_deadline AFTER INSERT ON expert_reviews
    FOR EACH ROW EXECUTE FUNCTION log_review_deadline();
CREATE TRIGGER expert_reviews_deadline AFTER UPDATE OF deadline ON expert_reviews
    FOR EACH ROW WHEN (OLD.deadline IS DISTINCT FROM NEW.deadline) EXECUTE FUNCTION log_review_deadline();
CREATE TRIGGER review_deadlines_append_only BEFORE UPDATE OR DELETE ON review_deadlines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE review_drafts (
    review_id uuid NOT NULL REFERENCES expert_reviews,
    expert_id uuid NOT NULL REFERENCES users,
    version   integer NOT NULL,
    content   jsonb NOT NULL CHECK (jsonb_typeof(content) = 'object'),
    saved_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (review_id, expert_id)
);
COMMENT ON TABLE review_drafts IS 'what an expert has typed and not signed; nobody else ever sees it';

CREATE TABLE review_notices (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    review_id uuid NOT NULL REFERENCES expert_reviews,
    kind      review_notice_kind NOT NULL,
    deadline  timestamptz NOT NULL,
    for_id    uuid REFERENCES users,
    at        timestamptz NOT NULL,
    seen_at   timestamptz,
    seen_by   uuid REFERENCES users
);
COMMENT ON COLUMN review_notices.for_id IS 'the expert whom it reminds; NULL: all admins';
COMMENT ON COLUMN review_notices.deadline IS 'of which deadline: another one is reminded of anew';
CREATE UNIQUE INDEX review_notices_once ON review_notices (review_id, kind, deadline, for_id) NULLS NOT DISTINCT;
CREATE INDEX review_notices_unseen ON review_notices (for_id, id DESC) WHERE seen_at IS NULL;

CREATE TABLE false_alarm_reasons (
    code       text PRIMARY KEY CHECK (code ~ '^[a-z_]{2,40}$'),
    word_es    text NOT NULL CHECK (length(word_es) BETWEEN 1 AND 40),
    word_en    text NOT NULL CHECK (length(word_en) BETWEEN 1 AND 40),
    letter     text NOT NULL CHECK (letter ~ '^[a-z]$'),
    position   smallint NOT NULL,
    retired_at timestamptz
);
COMMENT ON COLUMN false_alarm_reasons.letter IS 'the key that chooses it, after f';
CREATE UNIQUE INDEX false_alarm_reasons_letter ON false_alarm_reasons (letter) WHERE retired_at IS NULL;
INSERT INTO false_alarm_reasons (code, word_es, word_en, letter, position) VALUES
    ('low_cloud', 'nube baja', 'low cloud', 'n', 1),
    ('high_cloud', 'nube alta', 'high cloud', 'a', 2),
    ('fog', 'niebla', 'fog', 'b', 3),
    ('dust', 'polvo', 'dust', 'p', 4),
    ('sun_glare', 'reflejo del sol', 'sun glare', 'r', 5),
    ('artificial_light', 'luz artificial', 'artificial light', 'l', 6),
    ('lens_drop', 'gota en el lente', 'drop on the lens', 'g', 7),
    ('lens_flare', 'destello del lente', 'lens flare', 'd', 8),
    ('insect', 'insecto o telaraña', 'insect or web', 'i', 9),
    ('rain', 'lluvia', 'rain', 'v', 10),
    ('road', 'camino', 'road', 'c', 11),
    ('water', 'agua', 'water', 'w', 12),
    ('building', 'edificio', 'building', 'e', 13),
    ('antenna', 'antena o poste', 'mast or pole', 't', 14),
    ('harvester', 'cosechadora', 'harvester', 'h', 15),
    ('tree', 'árbol', 'tree', 'j', 16),
    ('cliff', 'roca o barranco', 'rock or cliff', 'k', 17),
    ('industrial_plume', 'chimenea industrial', 'industrial plume', 'm', 18),
    ('other', 'otra causa', 'other cause', 'o', 19);

-- What experts signed. Append-only and hash-chained; `document` holds the exact bytes that the signature covers.
CREATE TABLE review_assessments (
    id            bigint PRIMARY KEY,
    at            timestamptz NOT NULL,
    review_id     uuid NOT NULL REFERENCES expert_reviews,
    revision      integer NOT NULL CHECK (revision > 0),
    expert_id     uuid NOT NULL REFERENCES users,
    key_id        uuid NOT NULL REFERENCES expert_keys,
    document      bytea NOT NULL,
    payload       jsonb NOT NULL,
    signature     bytea NOT NULL CHECK (length(signature) = 64),
    previous_hash bytea NOT NULL,
    hash          bytea NOT NULL,
    UNIQUE (review_id, revision)
);
COMMENT ON COLUMN review_assessments.document IS 'canonical JSON (RFC 8785), as it was signed';
COMMENT ON COLUMN review_assessments.payload IS 'the same document, to be asked questions';

CREATE FUNCTION assessment_hash(previous_hash bytea, document bytea, signature bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT sha256(previous_hash || sha256(document) || signature) $$;
COMMENT ON FUNCTION assessment_hash IS
    'SHA-256 of the predecessor''s hash, the SHA-256 of the document, and the signature: 32, 32 and 64 bytes';

CREATE FUNCTION chain_assessment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    last   record;
    wanted jsonb;
BEGIN
    PERFORM pg_advisory_xact_lock(7241837460127);  -- until this transaction ends, nobody else may append
    SELECT id, hash INTO last FROM public.review_assessments ORDER BY id DESC LIMIT 1;
    NEW.id := coalesce(last.id, 0) + 1;
    NEW.at := clock_timestamp();
    NEW.payload := convert_from(NEW.document, 'UTF8')::jsonb;
    NEW.previous_hash := coalesce(last.hash, sha256(''));
    NEW.hash := public.assessment_hash(NEW.previous_hash, NEW.document, NEW.signature);
    -- A record must say itself whose it is and which one it follows within its case.
    SELECT jsonb_build_object(
        'review_id', NEW.review_id, 'expert_id', NEW.expert_id, 'key_id', NEW.key_id, 'revision', NEW.revision,
        'execution_id', mine.execution_id, 'position', count(others.id) + 1,
        'previous', (array_agg(encode(others.hash, 'hex') ORDER BY others.id DESC))[1])
    INTO wanted
    FROM public.expert_reviews mine
    LEFT JOIN (public.review_assessments others JOIN public.expert_reviews r ON r.id = others.review_id)
        ON r.execution_id = mine.execution_id
           AND (r.id = mine.id OR (r.gold_id IS NULL AND mine.gold_id IS NULL))
    WHERE mine.id = NEW.review_id
    GROUP BY mine.execution_id;
    IF wanted IS NULL OR NOT (jsonb_build_object(
        'review_id', NEW.payload -> 'review_id', 'expert_id', NEW.payload #> '{expert,id}',
        'key_id', NEW.payload #> '{key,id}', 'revision', NEW.payload -> 'revision',
        'execution_id', NEW.payload -> 'execution_id', 'position', NEW.payload -> 'position',
        'previous', NEW.payload -> 'previous') = wanted)
    THEN
        RAISE EXCEPTION 'the document does not say which record it is' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER review_assessments_chain BEFORE INSERT ON review_assessments
    FOR EACH ROW EXECUTE FUNCTION chain_assessment();
CREATE TRIGGER review_assessments_append_only BEFORE UPDATE OR DELETE ON review_assessments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION purge_review_drafts() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH gone AS (
        DELETE FROM public.review_drafts d USING public.expert_reviews r
        WHERE r.id = d.review_id AND r.status = 'completed' AND d.saved_at < now() - interval '90 days'
        RETURNING 1
    )
    SELECT count(*) FROM gone
$$;
COMMENT ON FUNCTION purge_review_drafts IS 'Forget drafts of reviews that are done, three months after they were typed';

REVOKE ALL ON FUNCTION assessment_hash(bytea, bytea, bytea), chain_assessment(), log_review_deadline(),
    purge_review_drafts() FROM PUBLIC;
