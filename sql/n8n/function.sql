-- Tells saiweb the id of an execution of a watched workflow when it reaches success or error. It runs inside n8n's own
-- transaction, so it reads and writes nothing, and no failure may leave it.
CREATE OR REPLACE FUNCTION {schema}.process_sai_execution() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $function$
BEGIN
    -- n8n saves a finished row again; a WHEN on INSERT OR UPDATE cannot compare with OLD.
    IF TG_OP = 'UPDATE' THEN
        IF NEW.status IS NOT DISTINCT FROM OLD.status THEN
            RETURN NULL;
        END IF;
    END IF;
    -- A full queue fails at COMMIT, past the exception block below: silence is safe, the sweep finds the execution.
    IF pg_catalog.pg_notification_queue_usage() <= 0.5 THEN
        PERFORM pg_catalog.pg_notify('sai_execution', NEW.id::text);
    END IF;
    RETURN NULL;
EXCEPTION
    WHEN OTHERS THEN
        RETURN NULL;
END
$function$
