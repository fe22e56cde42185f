"""What the database can do, flag by flag, each with its cause."""

import sys

from django.db import InterfaceError
from django.db.backends.base.features import BaseDatabaseFeatures
from django.utils.functional import cached_property

from . import features_ledger


class DatabaseFeatures(BaseDatabaseFeatures):
    minimum_database_version = (4, 1)
    closed_cursor_error_class = InterfaceError

    # No multi-statement rollback in CQL; atomic() is a block without one.
    supports_transactions = False
    atomic_transactions = False
    uses_savepoints = False
    can_release_savepoints = False
    can_rollback_ddl = False
    autocommits_when_autocommit_is_off = True
    supports_atomic_references_rename = False

    # Ids, defaults and returned values are made on our side.
    can_return_columns_from_insert = True
    can_return_rows_from_bulk_insert = True
    has_bulk_insert = True
    supports_ignore_conflicts = True
    supports_update_conflicts = True
    supports_update_conflicts_with_target = True  # the primary key is the only one
    supports_default_keyword_in_insert = True
    supports_default_keyword_in_bulk_insert = True
    supports_expression_defaults = True
    allows_auto_pk_0 = True
    supports_unspecified_pk = True

    # Foreign keys are indexed and not enforced, so nothing has to be set to null before a delete.
    supports_foreign_keys = False
    indexes_foreign_keys = True
    supports_forward_references = True
    can_defer_constraint_checks = True
    supports_on_delete_db_cascade = False
    supports_on_delete_db_null = False
    supports_on_delete_db_default = False
    enforces_foreign_key_constraints = False
    can_introspect_foreign_keys = False

    # CQL has no constraints but the key. Those on single rows are evaluated on our side, and nothing of them is stored.
    supports_table_check_constraints = True
    supports_column_check_constraints = True
    can_introspect_check_constraints = False
    allows_multiple_constraints_on_same_fields = False
    # Of unique constraints, which are kept by claims; an index with a condition is one of all rows, one with expressions
    # is not made, and a check says so.
    supports_partial_indexes = True
    supports_expression_indexes = True
    supports_index_column_ordering = False
    supports_deferrable_unique_constraints = False
    supports_covering_indexes = False
    supports_nulls_distinct_unique_constraints = True
    can_rename_index = False
    # Names of tables have 48 characters, of columns as many as one likes: Django's check of column names is off.
    truncates_names = True

    # What CQL cannot answer, SQLite does, over the tables of the keyspace.
    supports_parentheses_in_compound = False
    supports_over_clause = True
    supports_frame_range_fixed_distance = True
    supports_frame_exclusion = True
    supports_aggregate_filter_clause = True
    supports_aggregate_distinct_multiple_argument = False
    supports_any_value = True
    supports_uuid4_function = True
    supports_uuid7_function = sys.version_info >= (3, 14)
    supports_temporal_subtraction = True
    supports_order_by_nulls_modifier = True
    order_by_nulls_first = True
    update_can_self_select = False  # a write finds its rows first
    has_select_for_update = False  # there is no lock
    can_distinct_on_fields = False
    supports_json_field_contains = False
    has_json_object_function = True
    supports_cast_with_precision = False

    # Types.
    has_native_uuid_field = True
    has_native_duration_field = False
    supports_timezones = False  # with USE_TZ off: a timestamp is then wall-clock time
    supports_microsecond_precision = False  # timestamp counts milliseconds
    time_cast_precision = 6
    supports_json_field = True
    has_native_json_field = False
    can_introspect_json_field = False
    supports_stored_generated_columns = False
    supports_virtual_generated_columns = False
    supports_collation_on_charfield = False
    supports_collation_on_textfield = False
    supports_comments = True  # of tables; a check says that columns have none
    supports_comments_inline = False
    interprets_empty_strings_as_nulls = False
    supports_primitives_in_json_field = True
    has_case_insensitive_like = False
    ignores_table_name_case = False
    can_introspect_autofield = False
    supports_sequence_reset = True
    supports_paramstyle_pyformat = True
    test_db_allows_multiple_connections = True
    can_clone_databases = True
    has_zoneinfo_database = True
    can_use_chunked_reads = True
    supports_explaining_query_execution = True
    supported_explain_formats = {"JSON", "TEXT"}
    supports_tuple_lookups = True
    supports_inspectdb = True
    requires_literal_defaults = False
    requires_casted_case_in_updates = False

    @cached_property
    def supports_aggregate_order_by_clause(self):
        return self.connection.dialect.sqlite_version >= (3, 44)

    @cached_property
    def django_test_skips(self):
        return features_ledger.skips()
