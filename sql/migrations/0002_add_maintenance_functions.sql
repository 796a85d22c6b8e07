-- What the app's role may not do itself (D7, D23): create a month, purge finished jobs. Owner-side, nothing else.

CREATE FUNCTION ensure_partitions(at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    month_start timestamptz := date_trunc('month', at, 'UTC');
    month_end   timestamptz := date_trunc('month', at, 'UTC') + interval '1 month';
    suffix      text := to_char(at AT TIME ZONE 'UTC', 'YYYY_MM');
    parent      text;
BEGIN
    IF at IS NULL OR at < '2015-01-01Z' OR at > now() + interval '1 year' THEN
        RAISE EXCEPTION 'no month is kept for %', at USING ERRCODE = 'invalid_datetime_format';
    END IF;
    month_end := (date_trunc('month', at AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    IF to_regclass(format('public.execution_notifications_%s', suffix)) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(7241837460125);
    FOREACH parent IN ARRAY ARRAY['executions', 'execution_analysis', 'execution_detections',
                                  'execution_images', 'execution_notifications']
    LOOP
        EXECUTE format('CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)',
                       parent || '_' || suffix, parent, month_start, month_end);
    END LOOP;
END
$$;
COMMENT ON FUNCTION ensure_partitions IS 'Create the month of this instant in every partitioned table, if missing';

CREATE FUNCTION purge_finished_jobs(older_than timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH gone AS (
        DELETE FROM public.etl_jobs
        WHERE state = 'done' AND updated_at < least(older_than, now() - interval '1 hour')
        RETURNING 1
    )
    SELECT count(*) FROM gone
$$;
COMMENT ON FUNCTION purge_finished_jobs IS 'Forget jobs that are done for longer; never a queued, running or parked one';

REVOKE ALL ON FUNCTION ensure_partitions(timestamptz), purge_finished_jobs(timestamptz) FROM PUBLIC;
