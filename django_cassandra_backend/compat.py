"""Every difference between the Django versions that we support; no other module asks for one."""


def aggregate_condition(node):
    """The condition of an aggregate's filter=: since 6.0 an expression of its own holds it."""
    return getattr(node.filter, "condition", None) or node.filter


def serialize_argument(serialize) -> dict:
    """create_test_db(serialize=…): deprecated since 6.0, so it is passed on only when it was given."""
    return {} if serialize is None else {"serialize": serialize}
