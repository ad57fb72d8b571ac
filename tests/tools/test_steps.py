from tools.steps import table


def test_make_steps_prints_each_flow_with_its_steps() -> None:
    printed = table()
    assert "| suspend | `load_service` | reads | the service in the ledger |" in printed
    assert "| | `clear_disks` | destroys | the disks of the permitted server |" in printed.replace("|  |", "| |")
