//! The schema of PostgreSQL.

use std::{collections::BTreeSet, sync::LazyLock};

use futures::future::BoxFuture;
use sqlx::{Connection as _, Executor as _, SqlStr, migrate::Migrator};

use crate::{
    database::Tx,
    error::StoreError,
    postgres::route::Route,
    schema::{Schema, SchemaObject, objects, run},
};

/// The migrations. They take no lock of their own: the transaction has one, and theirs would outlive it behind a pooler.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = sqlx::migrate!("migrations/postgres");
    migrations.set_locking(false);
    migrations
});

/// Creates the objects of a schema apart from those in use, for as long as they are compared. It takes the rights to create
/// schemas in the database.
const BEGIN_REFERENCE: &str =
    "CREATE SCHEMA connector_host_reference; SET LOCAL search_path TO connector_host_reference";

/// The objects of the schema in use, apart from what an extension has created. Definitions are as PostgreSQL prints them,
/// without the name of the schema.
const OBJECTS: &str = "WITH here AS (SELECT oid, quote_ident(nspname) || '.' AS prefix FROM pg_namespace \
                                      WHERE nspname = current_schema()), \
      objects (kind, name, sql, class, object) AS ( \
        SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'i' THEN 'index' WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' \
                 ELSE 'relation' END, c.relname, \
               CASE c.relkind WHEN 'i' THEN REPLACE(pg_get_indexdef(c.oid), here.prefix, '') \
                 WHEN 'v' THEN pg_get_viewdef(c.oid) \
                 WHEN 'r' THEN (SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), \
                                  a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid)), ', ' ORDER BY a.attname) \
                                FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
                                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) END, \
               'pg_class'::regclass, c.oid \
          FROM here JOIN pg_class c ON c.relnamespace = here.oid \
        UNION ALL \
        SELECT 'trigger', t.tgname, concat_ws(' ', t.tgenabled, REPLACE(pg_get_triggerdef(t.oid), here.prefix, '')), \
               'pg_trigger'::regclass, t.oid \
          FROM here JOIN pg_class c ON c.relnamespace = here.oid JOIN pg_trigger t ON t.tgrelid = c.oid \
          WHERE NOT t.tgisinternal \
        UNION ALL \
        SELECT 'rule', r.rulename, REPLACE(pg_get_ruledef(r.oid), here.prefix, ''), 'pg_rewrite'::regclass, r.oid \
          FROM here JOIN pg_class c ON c.relnamespace = here.oid JOIN pg_rewrite r ON r.ev_class = c.oid \
          WHERE c.relkind <> 'v' \
        UNION ALL \
        SELECT 'constraint', o.conname, pg_get_constraintdef(o.oid), 'pg_constraint'::regclass, o.oid \
          FROM here JOIN pg_class c ON c.relnamespace = here.oid JOIN pg_constraint o ON o.conrelid = c.oid \
          WHERE o.contype IN ('c', 'f') \
        UNION ALL \
        SELECT 'policy', y.polname, pg_get_expr(y.polqual, y.polrelid), 'pg_policy'::regclass, y.oid \
          FROM here JOIN pg_class c ON c.relnamespace = here.oid JOIN pg_policy y ON y.polrelid = c.oid \
        UNION ALL \
        SELECT 'function', p.proname, p.prosrc, 'pg_proc'::regclass, p.oid \
          FROM here JOIN pg_proc p ON p.pronamespace = here.oid) \
      SELECT CAST(kind AS TEXT) AS kind, CAST(name AS TEXT) AS name, CAST(sql AS TEXT) AS sql FROM objects \
      WHERE NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = class AND e.objid = object AND e.deptype = 'e')";

/// The schema of a server that is reached on this route.
pub(crate) struct PostgresSchema(pub(crate) Route);

impl Schema for PostgresSchema {
    const SHARED_SINCE: Option<i64> = Some(21);

    const IS_MIGRATED: &'static str = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = '_sqlx_migrations'";

    const OBJECTS: &'static str = OBJECTS;

    fn begin(&self) -> SqlStr {
        self.0.begin_migration()
    }

    fn migrations(&self) -> &'static Migrator {
        &MIGRATIONS
    }

    fn reference<'a>(
        &'a self,
        connection: &'a mut Tx,
        version: Option<i64>,
    ) -> BoxFuture<'a, Result<BTreeSet<SchemaObject>, StoreError>> {
        Box::pin(async move {
            let Some(version) = version else { return Ok(BTreeSet::new()) };
            let mut draft = connection.begin().await?;
            draft.execute(sqlx::raw_sql(BEGIN_REFERENCE)).await?;
            run(&MIGRATIONS, &mut draft, version).await?;
            let objects = objects::<Self>(&mut draft).await?;
            draft.rollback().await?;
            Ok(objects)
        })
    }
}
