-- UNTESTED: nothing of Yizhan's tests has run on Citus. Try it on a copy.
--
-- Run as the tables' owner in the migrated, still empty database `yizhan`, on the coordinator; workers need the
-- three roles too, with the same attributes. Every key begins with tenant_id and every statement names it, so all rows
-- of a tenant are on one shard and each transaction goes to one worker.
--
-- Known to be open:
-- * The tenant of a transaction is named by set_config(), and row-level security runs on the worker: the setting has to
--   get there. citus.propagate_set_commands covers SET LOCAL; whether it covers the function is not known. Without it the
--   policies give no rows, and writes are refused: it fails closed.
-- * pg_xact_status() asks the coordinator; a commit is judged by the coordinator's transaction.
-- * The owner's VACUUM goes by partition; on Citus name the distributed table.

SET citus.propagate_set_commands = 'local';
ALTER DATABASE yizhan SET citus.propagate_set_commands = 'local';
ALTER DATABASE yizhan SET citus.multi_shard_modify_mode = 'sequential';

SELECT create_distributed_table('yizhan.heads', 'tenant_id', shard_count => 64);
SELECT create_distributed_table('yizhan.records', 'tenant_id', colocate_with => 'yizhan.heads');
SELECT create_distributed_table('yizhan.terms', 'tenant_id', colocate_with => 'yizhan.heads');
SELECT create_distributed_table('yizhan.audit', 'tenant_id', colocate_with => 'yizhan.heads');
SELECT create_reference_table('yizhan.meta');
