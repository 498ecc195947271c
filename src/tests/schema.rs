//! What a database's tables look like, in words that both engines share.

use std::collections::BTreeSet;

use candor::database::Database;

/// One line a column and an index: `table.column type not null`, `index name on table (columns) unique`.
pub(crate) async fn of(database: &Database) -> BTreeSet<String> {
    match database {
        Database::Sqlite { readers, .. } => {
            const COLUMNS: &str = "
                select t.name || '.' || c.name || ' ' || lower(c.type)
                    || case when c.\"notnull\" <> 0 or c.pk > 0 then ' not null' else '' end
                    || case when c.pk > 0 then ' key' else '' end
                from sqlite_master t, pragma_table_info(t.name) c
                where t.type = 'table' and t.name not like 'sqlite_%' and t.name <> '_sqlx_migrations'";
            const INDEXES: &str = "
                select 'index ' || i.name || ' on ' || t.name || ' ('
                    || (select group_concat(name, ', ') from (select name from pragma_index_info(i.name) order by seqno))
                    || ')' || case when i.\"unique\" then ' unique' else '' end
                    || case when i.partial then ' partial' else '' end
                from sqlite_master t, pragma_index_list(t.name) i
                where t.type = 'table' and i.origin = 'c'";
            let columns: Vec<String> = sqlx::query_scalar(COLUMNS).fetch_all(readers).await.unwrap();
            let indexes: Vec<String> = sqlx::query_scalar(INDEXES).fetch_all(readers).await.unwrap();
            columns.into_iter().chain(indexes).collect()
        }
        Database::Postgres { pool, .. } => {
            const COLUMNS: &str = "
                select c.table_name || '.' || c.column_name || ' ' || c.data_type
                    || case when c.is_nullable = 'NO' then ' not null' else '' end
                    || case when exists (
                        select 1
                        from pg_index i
                        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
                        where i.indisprimary and i.indrelid = format('%I.%I', c.table_schema, c.table_name)::regclass
                            and a.attname = c.column_name) then ' key' else '' end
                from information_schema.columns c
                where c.table_schema = current_schema() and c.table_name <> '_sqlx_migrations'";
            const INDEXES: &str = "
                select 'index ' || c.relname || ' on ' || t.relname || ' ('
                    || (select string_agg(a.attname, ', ' order by k.place)
                        from unnest(i.indkey) with ordinality k (number, place)
                        join pg_attribute a on a.attrelid = t.oid and a.attnum = k.number)
                    || ')' || case when i.indisunique then ' unique' else '' end
                    || case when i.indpred is not null then ' partial' else '' end
                from pg_index i
                join pg_class c on c.oid = i.indexrelid
                join pg_class t on t.oid = i.indrelid
                join pg_namespace n on n.oid = t.relnamespace
                where n.nspname = current_schema() and not i.indisprimary and t.relname <> '_sqlx_migrations'";
            let columns: Vec<String> = sqlx::query_scalar(COLUMNS).fetch_all(pool).await.unwrap();
            let indexes: Vec<String> = sqlx::query_scalar(INDEXES).fetch_all(pool).await.unwrap();
            columns.into_iter().chain(indexes).collect()
        }
    }
}
