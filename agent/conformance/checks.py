"""Every promise of an engine, in the order in which it is checked."""

from agent.conformance import bench_checks as benches
from agent.conformance import change_checks as changes
from agent.conformance import data_checks as data
from agent.conformance import door_checks as doors
from agent.conformance.suite import Check

CHECKS: tuple[tuple[str, Check], ...] = (
    ("deploy_bench", benches.a_bench_runs_after_its_deploy),
    ("deploy_bench", benches.deployed_again_nothing_changes),
    ("create_site", benches.a_clone_serves_nobody_yet),
    ("create_site", benches.a_new_site_lets_its_owner_in),
    ("create_site", benches.created_again_nothing_changes),
    ("prepare_site", benches.a_prepared_site_becomes_its_tenants),
    ("create_site", benches.two_sites_do_not_see_each_other),
    ("create_login_link", doors.a_token_opens_once),
    ("create_login_link", doors.a_token_expires),
    ("set_admin_password", doors.a_new_password_replaces_the_old_one),
    ("measure_usage", doors.usage_counts_people_and_bytes),
    ("suspend_site", doors.a_suspension_ends_what_was_open),
    ("suspend_site", doors.suspended_nobody_gets_in),
    ("resume_site", doors.resumed_the_data_are_the_same),
    ("take_backup", data.a_backup_is_taken_while_the_site_serves),
    ("restore_site", data.a_broken_backup_touches_nothing),
    ("restore_site", data.restored_the_site_is_as_it_was),
    ("change_apps", changes.closed_it_answers_nobody_and_keeps_its_sessions),
    ("change_apps", changes.closed_while_suspended_it_stays_suspended),
    ("change_apps", changes.an_app_is_installed_and_works),
    ("change_apps", changes.an_app_is_removed_and_gone),
    ("change_apps", changes.apps_that_cannot_be_are_refused),
    ("rename_site", changes.renamed_only_the_new_name_leads_there),
    ("set_config", changes.a_setting_counts_for_its_site_alone),
    ("set_config", changes.a_setting_that_nobody_knows_is_refused),
    ("create_site", changes.a_company_is_at_home_where_it_says),
    ("create_site", changes.a_home_that_does_not_exist_is_refused),
    ("restore_site", data.a_copy_lives_beside_its_origin),
    ("move_site", data.moved_it_lives_on_the_other_bench),
    ("archive_site", data.archived_nothing_is_left),
    ("restore_site", data.undone_the_data_are_back),
    ("drop_site", benches.an_unknown_site_is_gone_already),
    ("retire_bench", benches.a_retired_bench_runs_no_more),
)
