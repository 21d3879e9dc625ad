"""What the program can be asked to do, as one table: every door is made from it.

An operation is a function with typed arguments and a JSON answer, and says its address under
/api/v1, the role it needs, and its line of the command line. From the table come

- the admin API and its OpenAPI document (``connector.web.api``, ``connector.web.openapi``),
- the forms and exports of the console (``connector.web.forms``, ``connector.web.exports``),
- the command line, on the database (``connector.operations.local``) or on a daemon elsewhere
  (``connector.operations.remote``).

To add one: a function in the module of its noun with ``@operation``; a new module is listed in
``connector.operations.table``. The name is MODULE.FUNCTION, such as ``plans.approve``. Arguments are
keyword-only; those named in the path come from there, the others from the query (GET, DELETE) or from
a JSON body. An argument's limits and its sentence stand in ``Annotated[..., Field(...)]``. A use case
writes its own audit row, under the operation's name, in the transaction of its change.
"""
