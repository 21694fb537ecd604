"""Texts of the reference workload files that sabotages take out or replace: each stands in its file once."""

PROMOTE = """[[plans.region.steps]]
name = "promote-database"
kind = "promote"
store = "orders-db"
to = "recovery"
how = "failover"
timeout = "30s"

"""
FENCE = """[[plans.region.steps]]
name = "fence-primary"
kind = "fence"
site = "primary"
timeout = "10s"

"""
# Done once, it cannot be done again: the folder is there.
LEAD = """[[plans.region.steps]]
name = "take-the-lead"
kind = "run"
command = ["mkdir", "leader"]
timeout = "10s"

"""
TURN_AWAY = """[[plans.software.steps]]
name = "turn-traffic"
kind = "route"
record = "orders.shop.example"
to = "recovery"
after = ["switch-database", "add-capacity"]
timeout = "15s"

"""
REMOVE_CAPACITY = """[[plans.region.failback]]
name = "remove-capacity"
kind = "scale"
site = "recovery"
group = "orders-ws"
desired = 1
timeout = "30s"

"""
TURN_TRAFFIC = """name = "turn-traffic"
kind = "route"
record = "orders.shop.example"
to = "recovery"
after = ["turn-database-name", "add-capacity"]
timeout = "15s"
"""
TURN_RESTORED = """[[plans.data.steps]]
name = "turn-database-name"
kind = "route"
record = "db.eu-west-1.shop.example"
store = "orders-db"
at = "primary"
timeout = "15s"

"""
SWITCH_DATABASE = """how = "switchover"
timeout = "30s"

[[plans.switchover.steps]]
"""
RETURN_DATABASE = """to = "primary"
how = "switchover"
timeout = "60s"

[[plans.region.failback]]
name = "return-database-name"
"""
PROMOTE_BY_COMMAND = """[[plans.region.steps]]
name = "promote-database"
kind = "run"
change = "promote-database"
timeout = "30s"

"""
PUT_RIGHT = """[plans.data]
trigger = "harness"
after = "2s"

[[plans.data.steps]]
name = "restore-objects"
kind = "restore"
store = "documents"
source = "versions"
before = "5s"        # an object may have been deleted so long before anybody missed it
timeout = "30s"

"""
# What does not recover need not be waited for much longer than the RTO of 30 s.
SOON = {
    'deadline = "90s"': 'deadline = "40s"',
    'rto = "60s"': 'rto = "30s"',
    'settle = "60s"': 'settle = "20s"',
}
# Where the RTO is 20 s; nothing but the health check takes out what runs and cannot be reached.
NEVER_OUT = {"lb_fails = 2": "lb_fails = 100000", 'deadline = "60s"': 'deadline = "30s"'}
