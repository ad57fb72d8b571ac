"""The ledger: which server is promised to which service, and what may happen to it next. Correctness lives here.

Start with `database.Ledger`. The functions are in `services`, `requests`, `claims`, `journal`, `releases`, `permits`,
`decisions`, `reconciliation`, `overview` and `results`; each is async and takes the ledger first. Times are
timezone-aware UTC and passed in as `now`. `hardware`, `hold_reasons`, `states` and `step_names` have its vocabulary.

More than twenty files, since each verb of the ledger (claim, permit, release ...) has its own, and they know each
other.
"""
