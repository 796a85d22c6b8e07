-- Who may enter the database and its schema; only where the migrating role owns them: a DBA may have settled it otherwise.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO CURRENT_USER;
GRANT USAGE ON SCHEMA public TO {app};
GRANT CONNECT ON DATABASE {database} TO {app};
