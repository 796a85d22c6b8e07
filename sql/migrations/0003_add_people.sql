-- People: accounts, sessions, one-time links, waiting requests, kiosks, experts, settings, and the log of activities.

CREATE TYPE user_role AS ENUM ('viewer', 'expert', 'admin');
CREATE TYPE session_kind AS ENUM ('person', 'kiosk');
CREATE TYPE link_purpose AS ENUM ('first_admin', 'invitation', 'password', 'kiosk');

CREATE TABLE users (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    username            text NOT NULL CHECK (username ~ '^[a-z0-9][a-z0-9._-]{1,62}$'),
    email               text CHECK (email ~ '^[^@\s]+@[^@\s]+$' AND length(email) <= 254),
    full_name           text NOT NULL CHECK (length(full_name) BETWEEN 1 AND 120),
    role                user_role NOT NULL,
    is_active           boolean NOT NULL DEFAULT true,
    is_demo             boolean NOT NULL DEFAULT false,
    password_hash       text,
    password_changed_at timestamptz,
    camera_scope        jsonb CHECK (jsonb_typeof(camera_scope) = 'object'),
    totp_secret         bytea,
    totp_confirmed_at   timestamptz,
    totp_last_step      bigint,
    oidc_issuer         text,
    oidc_subject        text,
    created_at          timestamptz NOT NULL DEFAULT now(),
    created_by          uuid REFERENCES users,
    last_seen_at        timestamptz,
    CHECK ((oidc_issuer IS NULL) = (oidc_subject IS NULL)),
    CHECK (totp_confirmed_at IS NULL OR totp_secret IS NOT NULL)
);
COMMENT ON COLUMN users.is_demo IS 'made by --demo, whose password the sign-in page shows; disabled on a start without it';
COMMENT ON COLUMN users.password_hash IS 'argon2id; NULL: none chosen yet, or the person signs in elsewhere';
COMMENT ON COLUMN users.camera_scope IS
    'what the person may see: {"cameras": [[device_id, camera_id], ...], "locations": [...]}; NULL: everything';
COMMENT ON COLUMN users.totp_secret IS 'sealed with a key made from SECRET_KEY';
COMMENT ON COLUMN users.totp_last_step IS 'the last 30 s step whose code was used: a code works once';
CREATE UNIQUE INDEX users_username ON users (username);
CREATE UNIQUE INDEX users_email ON users (lower(email));
CREATE UNIQUE INDEX users_oidc ON users (oidc_issuer, oidc_subject);

CREATE TABLE recovery_codes (
    user_id    uuid NOT NULL REFERENCES users,
    code_hash  bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz,
    retired_at timestamptz,
    PRIMARY KEY (user_id, code_hash)
);

CREATE TABLE kiosks (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    camera_scope  jsonb CHECK (jsonb_typeof(camera_scope) = 'object'),
    binds_address boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    created_by    uuid NOT NULL REFERENCES users,
    revoked_at    timestamptz
);
CREATE UNIQUE INDEX kiosks_name ON kiosks (lower(name)) WHERE revoked_at IS NULL;
COMMENT ON COLUMN kiosks.binds_address IS 'whether its session works only from the address where it was set up';

CREATE TABLE sessions (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    token_hash       bytea NOT NULL UNIQUE,
    kind             session_kind NOT NULL DEFAULT 'person',
    user_id          uuid REFERENCES users,
    kiosk_id         uuid REFERENCES kiosks,
    method           text NOT NULL CHECK (method IN ('password', 'oidc', 'link')),
    created_at       timestamptz NOT NULL DEFAULT now(),
    last_used_at     timestamptz NOT NULL DEFAULT now(),
    authenticated_at timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz NOT NULL,
    ended_at         timestamptz,
    ended_reason     text,
    address          inet,
    user_agent       text CHECK (length(user_agent) <= 300),
    CHECK ((kind = 'person') = (user_id IS NOT NULL)),
    CHECK ((kind = 'kiosk') = (kiosk_id IS NOT NULL))
);
COMMENT ON COLUMN sessions.token_hash IS 'sha256 of what the cookie holds';
COMMENT ON COLUMN sessions.authenticated_at IS 'when the person last proved who it is: some changes ask for it again';
CREATE INDEX sessions_user ON sessions (user_id, last_used_at DESC) WHERE ended_at IS NULL;
CREATE INDEX sessions_kiosk ON sessions (kiosk_id) WHERE ended_at IS NULL;

CREATE TABLE one_time_links (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    token_hash bytea NOT NULL UNIQUE,
    purpose    link_purpose NOT NULL,
    user_id    uuid REFERENCES users,
    kiosk_id   uuid REFERENCES kiosks,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid REFERENCES users,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    retired_at timestamptz,
    CHECK ((purpose IN ('invitation', 'password')) = (user_id IS NOT NULL)),
    CHECK ((purpose = 'kiosk') = (kiosk_id IS NOT NULL))
);

-- People whom an OpenID provider knows and nobody here has let in yet.
CREATE TABLE access_requests (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    oidc_issuer   text NOT NULL,
    oidc_subject  text NOT NULL,
    username      text,
    email         text,
    full_name     text,
    claimed_role  user_role,
    requested_at  timestamptz NOT NULL DEFAULT now(),
    last_asked_at timestamptz NOT NULL DEFAULT now(),
    decided_at    timestamptz,
    decided_by    uuid REFERENCES users,
    is_approved   boolean,
    user_id       uuid REFERENCES users,
    UNIQUE (oidc_issuer, oidc_subject),
    CHECK ((decided_at IS NULL) = (is_approved IS NULL))
);

CREATE TABLE sign_in_throttles (
    key           text PRIMARY KEY,
    failures      integer NOT NULL,
    last_at       timestamptz NOT NULL,
    blocked_until timestamptz NOT NULL
);

CREATE TABLE expert_profiles (
    user_id              uuid PRIMARY KEY REFERENCES users,
    certification        text CHECK (length(certification) <= 200),
    certification_number text CHECK (length(certification_number) <= 80),
    certified_until      date,
    specialisations      text[] NOT NULL DEFAULT '{}',
    updated_at           timestamptz NOT NULL DEFAULT now()
);

-- The hours of a week in which an expert takes reviews, in SAI_TIMEZONE; both NULL: not on that day.
CREATE TABLE expert_hours (
    user_id   uuid NOT NULL REFERENCES users,
    weekday   smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    starts_at time,
    ends_at   time,
    PRIMARY KEY (user_id, weekday),
    CHECK ((starts_at IS NULL) = (ends_at IS NULL))
);
COMMENT ON COLUMN expert_hours.weekday IS '1 is Monday (ISO); ends_at at or before starts_at: the next morning';

CREATE TABLE expert_absences (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id      uuid NOT NULL REFERENCES users,
    starts_on    date NOT NULL,
    ends_on      date NOT NULL CHECK (ends_on >= starts_on),
    note         text CHECK (length(note) <= 200),
    created_at   timestamptz NOT NULL DEFAULT now(),
    cancelled_at timestamptz
);
CREATE INDEX expert_absences_user ON expert_absences (user_id, starts_on) WHERE cancelled_at IS NULL;

-- Ed25519 keys of experts (D16). A public key stays for ever: what it signed must be verifiable for ever.
CREATE TABLE expert_keys (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id            uuid NOT NULL REFERENCES users,
    public_key         bytea NOT NULL UNIQUE CHECK (length(public_key) = 32),
    sealed_private_key bytea NOT NULL,
    salt               bytea NOT NULL,
    derivation         jsonb NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    rewrapped_at       timestamptz,
    retired_at         timestamptz,
    retired_reason     text
);
COMMENT ON COLUMN expert_keys.derivation IS 'how the sealing key is made from the password: {"name": "argon2id", ...}';
CREATE UNIQUE INDEX expert_keys_current ON expert_keys (user_id) WHERE retired_at IS NULL;

CREATE TABLE settings (
    key        text PRIMARY KEY,
    value      jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by uuid REFERENCES users
);

-- Who did what to which, from where. Append-only and hash-chained: a record's hash covers the one before it.
CREATE SEQUENCE activity_log_id;
CREATE TABLE activity_log (
    id            bigint PRIMARY KEY,
    at            timestamptz NOT NULL,
    user_id       uuid REFERENCES users,
    actor         text,
    session_id    uuid,
    address       inet,
    action        text NOT NULL CHECK (action ~ '^[a-z0-9_.]{1,60}$'),
    entity_type   text,
    entity_id     text,
    details       jsonb NOT NULL DEFAULT '{}',
    previous_hash bytea NOT NULL,
    hash          bytea NOT NULL
);
COMMENT ON COLUMN activity_log.actor IS 'the name at that time: a person, a kiosk, the command line, or what was typed at sign-in';
CREATE INDEX activity_log_at ON activity_log (at DESC, id DESC);
CREATE INDEX activity_log_user ON activity_log (user_id, id DESC);
CREATE INDEX activity_log_actor ON activity_log (actor, id DESC);
CREATE INDEX activity_log_action ON activity_log (action, id DESC);
CREATE INDEX activity_log_entity ON activity_log (entity_type, entity_id, id DESC);

CREATE FUNCTION activity_hash(entry activity_log) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        encode(entry.previous_hash, 'hex'), entry.id, to_char(entry.at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        entry.user_id, entry.actor, entry.session_id, host(entry.address), entry.action, entry.entity_type,
        entry.entity_id, entry.details
    )::text, 'UTF8'))
$$;
COMMENT ON FUNCTION activity_hash IS 'The hash of a record: SHA-256 of a JSON array of all that it says, its predecessor''s hash first';

CREATE FUNCTION chain_activity() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7241837460126);  -- until this transaction ends, nobody else may append
    NEW.id := nextval('public.activity_log_id');
    NEW.at := clock_timestamp();
    NEW.previous_hash := coalesce((SELECT hash FROM public.activity_log ORDER BY id DESC LIMIT 1), sha256(''));
    NEW.hash := '';
    NEW.hash := public.activity_hash(NEW);
    RETURN NEW;
END
$$;
CREATE TRIGGER activity_log_chain BEFORE INSERT ON activity_log FOR EACH ROW EXECUTE FUNCTION chain_activity();

CREATE FUNCTION refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER activity_log_append_only BEFORE UPDATE OR DELETE ON activity_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION purge_people_leftovers() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH old_sessions AS (
        DELETE FROM public.sessions
        WHERE coalesce(ended_at, expires_at) < now() - interval '90 days'
        RETURNING 1
    ), old_links AS (
        DELETE FROM public.one_time_links
        WHERE coalesce(used_at, retired_at, expires_at) < now() - interval '90 days'
        RETURNING 1
    ), old_throttles AS (
        DELETE FROM public.sign_in_throttles
        WHERE greatest(last_at, blocked_until) < now() - interval '2 days'
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM old_sessions) + (SELECT count(*) FROM old_links) + (SELECT count(*) FROM old_throttles)
$$;
COMMENT ON FUNCTION purge_people_leftovers IS
    'Forget sessions and links that ended three months ago and throttles that ended two days ago; the log keeps the rest';

REVOKE ALL ON FUNCTION activity_hash(activity_log), chain_activity(), refuse_change(), purge_people_leftovers() FROM PUBLIC;
