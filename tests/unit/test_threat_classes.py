"""Which tests stand against which class of failure that mail servers elsewhere have had, and for which standard.

For a reader who wants to know whether a class is covered, and by what. A test that is renamed or goes is missed here.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
APP = TESTS.parent / "app"

RECEPTION, DELIVERY, STORE, SYSTEM = "unit/reception/test_", "unit/delivery/test_", "unit/store/test_", "system/test_"

FAILURES: dict[str, tuple[str, ...]] = {
    "a 250 that is not kept": (
        f"{STORE}captured.py::test_a_copy_is_kept_together_with_what_is_delivered_or_not_at_all",
        "service/test_capture.py::test_captured_mail_survives_a_restart",
        "unit/capture/test_diverting.py::test_what_cannot_be_kept_waits_and_goes_nowhere",
        f"{STORE}spool_durability.py::test_every_acknowledged_message_is_there_after_a_kill",
        f"{STORE}bodies.py::test_the_file_and_its_folder_are_flushed_before_finish_returns",
        f"{STORE}database.py::test_the_connection_keeps_the_promise_of_durability",
        f"{SYSTEM}kill.py::test_twenty_kills_under_load_lose_nothing_and_double_only_what_was_in_the_air",
    ),
    "smuggling in": (
        f"{RECEPTION}any_split.py::test_any_cut_into_packets_gives_the_same_replies_and_the_same_messages",
        f"{RECEPTION}injected_faults.py::test_a_refused_chunk_is_never_taken_for_commands",
        f"{RECEPTION}smuggling.py::test_no_mix_of_cr_lf_and_nul_around_the_dot_ends_the_message",
        f"{RECEPTION}smuggling.py::test_the_same_holds_when_the_packets_are_cut_anywhere",
        f"{RECEPTION}smuggling.py::test_a_tolerant_listener_repairs_and_counts_and_still_ends_only_at_the_true_end",
        f"{RECEPTION}bdat.py::test_a_refused_chunk_is_heard_out_and_never_taken_for_commands",
    ),
    "smuggling out": (
        f"{RECEPTION}bdat.py::test_bare_line_ends_and_nul_are_refused_in_chunks_too",
        f"{DELIVERY}wire.py::test_content_is_stuffed_ended_and_free_of_bare_line_ends",
        f"{DELIVERY}wire.py::test_chunks_of_any_size_give_the_same_octets",
        f"{DELIVERY}wire.py::test_nothing_on_the_wire_can_be_taken_for_another_end",
    ),
    "commands or replies injected before TLS": (
        "service/test_hostile_clients.py::test_junk_in_the_place_of_a_handshake_ends_the_connection",
        f"{RECEPTION}tls.py::test_what_came_in_clear_before_the_handshake_is_dropped",
        f"{RECEPTION}tls.py::test_octets_in_clear_during_the_handshake_break_it",
        f"{DELIVERY}connector.py::test_replies_injected_before_tls_are_dropped",
        f"{DELIVERY}connector.py::test_what_was_announced_before_tls_is_forgotten",
    ),
    "TLS stripped, downgraded, or not checked": (
        f"{DELIVERY}connector.py::test_required_never_sends_in_the_clear",
        f"{DELIVERY}connector.py::test_required_does_not_fall_back_when_starttls_fails",
        f"{DELIVERY}connector.py::test_a_bad_certificate_is_refused_in_words",
        f"{DELIVERY}connector.py::test_tls_1_1_is_refused",
        f"{RECEPTION}tls.py::test_old_tls_versions_are_refused",
        f"{RECEPTION}tls.py::test_required_starttls_lets_nothing_else_through",
        f"{SYSTEM}faulty_next_hops.py::test_a_bad_certificate_where_tls_is_required_lets_nothing_out",
        f"{SYSTEM}faulty_next_hops.py::test_starttls_that_is_required_and_missing_lets_nothing_out",
    ),
    "a password in clear": (
        f"{RECEPTION}auth.py::test_auth_is_offered_to_others_only_under_tls",
        f"{DELIVERY}connector.py::test_no_password_over_an_unencrypted_connection",
        f"{DELIVERY}connector.py::test_no_password_follows_an_opportunistic_fall_back",
    ),
    "control characters in addresses, parameters, fields, imports": (
        "service/test_hostile_calls.py::test_no_call_whatever_it_holds_is_a_fault_of_ours",
        "service/test_wrong_command_lines.py::test_no_command_whatever_it_is_given_shows_a_traceback",
        f"{RECEPTION}dialogue.py::test_replies_to_single_commands",
        f"{RECEPTION}parameters.py::test_rcpt_is_refused_with_the_right_code",
        f"{DELIVERY}connection.py::test_no_address_can_become_a_command",
        "unit/model/test_fields.py::test_no_field_of_one_line_takes_a_control_character",
        "unit/model/test_address.py::test_what_is_no_mailbox_is_refused",
    ),
    "open relay": (
        f"{RECEPTION}handling.py::test_a_stranger_may_send_to_anybody_where_all_is_captured_and_nothing_is_delivered",
        f"{RECEPTION}handling.py::test_where_copies_are_kept_strangers_still_reach_only_our_domains",
        f"{RECEPTION}open_relay.py::test_a_stranger_cannot_name_a_way_out",
        f"{RECEPTION}open_relay.py::test_other_spellings_of_a_domain_of_ours_go_there_and_nowhere_else",
        f"{RECEPTION}open_relay.py::test_nothing_that_a_session_has_been_through_makes_a_stranger_known",
        f"{RECEPTION}admission.py::test_relay_table",
        f"{RECEPTION}admission.py::test_nobody_relays_by_default",
    ),
    "PROXY or XCLIENT believed from anyone": (
        f"{RECEPTION}proxy.py::test_a_second_header_is_not_believed",
        f"{RECEPTION}proxy.py::test_a_header_from_anyone_else_is_refused",
        f"{RECEPTION}open_relay.py::test_nothing_that_a_session_has_been_through_makes_a_stranger_known",
    ),
    "HTTP at the SMTP port": (f"{RECEPTION}dialogue.py::test_http_is_closed_at_once",),
    "trace and log injection": (
        f"{RECEPTION}dialogue.py::test_what_a_client_says_cannot_forge_a_log_line_or_a_trace_field",
        f"{DELIVERY}replies.py::test_reply_text_is_printable_and_bounded",
        f"{DELIVERY}dsn.py::test_a_hostile_reply_stays_inside_its_field",
        "unit/inspection/test_scoring.py::test_the_header_cannot_be_broken_by_what_a_scanner_says",
        "service/test_hostile_words.py::test_no_word_of_a_stranger_forges_a_line_or_reaches_the_terminal",
    ),
    "loops": (
        f"{RECEPTION}dialogue.py::test_loops_are_recognised_by_hops_and_by_our_own_name",
        "unit/routing/test_mx.py::test_as_best_mx_is_a_loop",
        "unit/routing/test_mx.py::test_mail_for_a_primary_never_goes_to_a_listener_of_this_server",
    ),
    "backscatter and bounce storms": (
        f"{DELIVERY}queue.py::test_the_null_sender_is_never_answered",
        f"{DELIVERY}queue.py::test_a_report_under_a_real_sender_is_not_answered",
        f"{SYSTEM}faulty_next_hops.py::test_a_notification_that_cannot_be_delivered_is_answered_by_nobody",
        f"{SYSTEM}screening.py::test_a_recipient_whose_gateway_bounces_is_asked_to_come_separately",
    ),
    "slow clients": (
        f"{RECEPTION}limits.py::test_an_idle_client_is_let_go_and_a_busy_one_is_not",
        f"{RECEPTION}limits.py::test_one_octet_at_a_time_is_no_way_to_stay",
        f"{RECEPTION}limits.py::test_message_data_has_a_total_deadline_and_a_least_rate",
        f"{RECEPTION}limits.py::test_a_client_that_never_reads_is_cut_off_and_costs_little",
        f"{RECEPTION}tls.py::test_a_stalled_handshake_ends_in_time",
    ),
    "memory": (
        "service/test_hostile_clients.py::test_whatever_clients_say_and_however_they_leave",
        "unit/importing/test_others.py::test_a_file_that_would_fill_the_memory_is_refused_in_words",
        f"{RECEPTION}limits.py::test_an_endless_command_line_is_dropped_without_being_kept",
        f"{RECEPTION}limits.py::test_a_header_section_without_end_is_refused",
        f"{RECEPTION}limits.py::test_long_lines_pass_whole_and_endless_ones_are_refused",
        f"{RECEPTION}limits.py::test_the_size_limit_is_enforced_while_reading_and_the_client_is_heard_out",
        f"{RECEPTION}auth.py::test_an_endless_line_of_the_dialogue_is_refused",
        f"{DELIVERY}replies.py::test_what_is_not_a_bounded_reply_is_an_error",
    ),
    "MIME bombs": (
        "unit/capture/test_parts.py::test_a_bomb_costs_a_moment",
        "unit/capture/test_parts_fuzz.py::test_nothing_makes_it_fail",
        f"{DELIVERY}convert.py::test_a_mime_bomb_is_not_taken_apart",
        "unit/inspection/test_bombs.py::test_a_header_costs_no_more_than_its_size",
        "unit/inspection/test_signing.py::test_a_body_of_blanks_takes_no_time_and_its_limit_is_kept",
        "desktop/pages/test_mail_parts.py::test_a_bomb_costs_a_moment_and_what_comes_before_it_is_shown",
        f"{SYSTEM}scanners.py::test_a_zip_bomb_is_the_scanners_to_bound",
    ),
    "descriptors used up, disk full": (
        f"{RECEPTION}descriptors.py::test_a_relay_that_ran_out_of_descriptors_recovers_by_itself",
        f"{SYSTEM}full_disk.py::test_reception_answers_452_delivery_goes_on_and_nobody_has_to_help",
    ),
    "a next hop with endless, binary, huge or late replies": (
        f"{DELIVERY}connection.py::test_an_endless_reply_ends_at_its_limit",
        f"{DELIVERY}connection.py::test_a_reply_that_drips_does_not_move_its_deadline",
        f"{DELIVERY}connection.py::test_what_ends_between_dot_and_reply_is_unknown",
        f"{DELIVERY}connection.py::test_a_stalled_upload_ends",
        f"{DELIVERY}connector.py::test_failures_at_the_greeting",
        f"{DELIVERY}connector.py::test_a_failed_session_leaves_no_descriptor_behind_that_another_one_may_be_given",
    ),
    "8-bit or UTF-8 to who announces neither": (
        f"{DELIVERY}connection.py::test_eight_bit_content_never_goes_raw_to_a_peer_without_8bitmime",
        f"{DELIVERY}connection.py::test_smtputf8_is_used_where_announced_and_refused_where_not",
        f"{DELIVERY}queue.py::test_eight_bit_mail_is_converted_only_when_no_hop_takes_it_as_it_is",
        f"{DELIVERY}queue.py::test_what_no_hop_can_carry_is_bounced_and_said_so",
    ),
    "names from outside in file paths": (
        "desktop/pages/test_spool.py::test_several_messages_go_into_a_folder_by_names_of_ours",
        "service/test_commands.py::test_a_file_is_never_written_over_nor_left_behind",
    ),
    "shell": ("unit/test_threat_classes.py::test_no_shell_and_nothing_that_runs_what_it_reads",),
    "secrets where they do not belong": (
        "service/test_canaries.py::test_no_password_leaves_its_vault_whatever_goes_wrong",
        f"{DELIVERY}connector.py::test_a_server_that_quotes_the_password_is_not_quoted",
        f"{DELIVERY}connector.py::test_a_server_that_quotes_the_password_later_is_not_quoted",
        "service/test_control_api.py::test_a_stored_password_is_not_sent_to_another_host_that_a_draft_names",
        "service/test_control_api.py::test_no_call_gives_a_secret_back",
        "service/test_control_api.py::test_a_secret_in_a_refused_request_is_not_quoted",
        "service/test_signing.py::test_the_private_key_is_in_no_file_no_answer_and_no_log",
        "unit/vault/test_vault.py::test_no_secret_in_errors_representations_or_logs",
        "unit/vault/test_ring.py::test_a_configured_plaintext_or_null_keyring_is_refused_in_words",
        "desktop/test_messages.py::test_a_report_names_no_person_no_machine_and_no_secret",
    ),
    "files that others can read": (
        "service/test_canaries.py::test_nothing_that_a_relay_writes_can_be_read_by_others_whatever_umask_it_was_started_with",
        f"{STORE}folder.py::test_files_are_for_the_owner_alone_even_when_found_open",
        "service/test_control_api.py::test_the_socket_is_for_its_owner_alone",
    ),
    "the control API without authorisation, or from a browser": (
        "unit/control/test_guard.py::test_a_caller_of_another_account_is_refused_on_every_route",
        "unit/control/test_guard.py::test_a_wrong_token_is_refused_on_every_route",
        "unit/control/test_guard.py::test_a_browser_is_refused_on_every_route_whoever_runs_it",
        "unit/control/test_guard.py::test_a_body_that_a_web_form_could_send_is_refused_on_every_route_that_changes_something",
        "service/test_monitoring.py::test_a_web_page_cannot_read_them",
        "service/test_remote.py::test_no_route_answers_without_a_token",
        "service/test_remote.py::test_a_browser_is_refused_even_with_a_token",
        "service/test_group_access.py::test_a_stranger_is_stopped_by_the_folder",
        "service/test_far_relay.py::test_another_certificate_gets_neither_token_nor_request",
    ),
    "requests to where a server redirects": (
        "unit/verification/test_smartermail.py::test_a_redirect_to_another_host_is_not_followed",
        "unit/verification/test_smartermail.py::test_fifty_megabytes_are_not_read",
        "unit/verification/test_smartermail.py::test_a_hanging_server_runs_into_the_deadline",
        "unit/model/test_configuration.py::test_other_addresses_are_refused",
    ),
    "mail data as markup": (
        "desktop/test_cards.py::test_labels_show_text_from_outside_as_it_is",
        "desktop/pages/test_mail_parts.py::test_nothing_of_it_reaches_outside_or_runs",
        "desktop/pages/test_quarantine.py::test_the_preview_loads_nothing_and_asks_before_a_link_is_followed",
    ),
    "guessing of recipients and passwords": (
        f"{RECEPTION}auth.py::test_guessing_in_one_connection_ends_it",
        f"{RECEPTION}auth.py::test_an_unknown_user_costs_the_same_work_as_a_wrong_password",
        f"{RECEPTION}auth.py::test_one_account_is_guarded_against_many_addresses",
        f"{SYSTEM}recipient_verification.py::test_who_guesses_addresses_is_slowed_and_then_turned_away",
        "service/test_remote.py::test_who_guesses_rests_and_the_right_token_does_not_help_meanwhile",
    ),
    "a hang-up at any octet": (
        f"{RECEPTION}ledger.py::test_a_hang_up_at_any_octet_leaves_nothing_or_one_whole_message",
        f"{RECEPTION}ledger.py::test_every_250_has_its_message_on_the_disk_and_the_other_way_round",
    ),
    "a configuration half applied": (
        f"{STORE}configuration.py::test_a_kill_while_saving_leaves_the_old_state_or_the_new_one",
        f"{STORE}configuration.py::test_an_editor_who_started_from_an_older_state_is_told_and_changes_nothing",
        "service/test_control_api.py::test_every_change_heeds_if_match",
    ),
    "clock jumps": (
        f"{DELIVERY}expiry.py::test_a_clock_set_back_puts_nothing_off",
        f"{DELIVERY}expiry.py::test_a_long_sleep_expires_nothing_without_an_attempt",
        f"{DELIVERY}expiry.py::test_a_start_under_an_earlier_clock_puts_nothing_off",
        "unit/routing/test_health.py::test_a_wall_clock_that_jumps_ends_no_rest_and_lengthens_none",
    ),
    "older and newer databases": (
        f"{STORE}stored_schemas.py::test_a_spool_of_any_version_opens_with_its_mail",
        f"{STORE}database.py::test_a_file_from_a_later_version_is_refused_in_words_and_left_alone",
        f"{STORE}spool_accepting.py::test_a_spool_from_a_later_version_is_refused_and_left_alone",
    ),
    "a trust rule that covers the world": (
        "unit/model/test_configuration.py::test_a_world_network_is_refused_until_it_is_confirmed",
        "unit/model/test_network.py::test_a_range_that_covers_nearly_everybody_is_the_world",
        "unit/model/test_exchange.py::test_a_network_that_covers_the_world",
    ),
}

STANDARDS: dict[str, tuple[str, ...]] = {
    "RFC 5321: 100 recipients, postmaster, trace, loop limit": (
        "unit/model/test_configuration.py::test_a_hundred_recipients_are_always_taken",
        f"{RECEPTION}admission.py::test_postmaster_at_our_own_name_and_address_goes_to_the_administrator",
        f"{RECEPTION}dialogue.py::test_a_message_is_kept_with_its_trace_and_nothing_else_changed",
        f"{RECEPTION}dialogue.py::test_loops_are_recognised_by_hops_and_by_our_own_name",
    ),
    "RFC 1870 SIZE": (
        f"{RECEPTION}dialogue.py::test_replies_to_single_commands",
        f"{DELIVERY}connection.py::test_a_message_over_the_announced_size_is_not_even_offered",
    ),
    "RFC 6152 8BITMIME": (
        f"{RECEPTION}dialogue.py::test_eight_bit_content_is_marked_even_when_the_client_did_not_say_so",
        f"{DELIVERY}connection.py::test_eight_bit_content_is_declared",
    ),
    "RFC 2920 PIPELINING, both ways": (
        f"{RECEPTION}dialogue.py::test_a_pipelined_group_is_answered_in_one_piece_and_in_order",
        f"{DELIVERY}connection.py::test_mail_rcpt_and_data_travel_in_one_write_where_pipelining_is_announced",
        f"{DELIVERY}connection.py::test_commands_go_one_by_one_where_pipelining_is_not_announced",
    ),
    "RFC 3207 STARTTLS and RFC 8314 implicit TLS": (
        f"{RECEPTION}tls.py::test_starttls_begins_anew_and_the_trace_says_so",
        f"{RECEPTION}tls.py::test_implicit_tls_speaks_nothing_in_clear_and_carries_a_large_message",
        f"{DELIVERY}connector.py::test_mail_passes_over_the_taken_over_transport",
    ),
    "RFC 8996 no TLS 1.0 and 1.1": (
        f"{RECEPTION}tls.py::test_old_tls_versions_are_refused",
        f"{DELIVERY}connector.py::test_tls_1_1_is_refused",
    ),
    "RFC 4954 AUTH in TLS only": (f"{RECEPTION}auth.py::test_auth_is_offered_to_others_only_under_tls",),
    "RFC 2034 and 3463 enhanced codes": (
        "unit/model/test_values.py::test_one_line_carries_its_enhanced_code",
        f"{RECEPTION}dialogue.py::test_replies_to_single_commands",
    ),
    "RFC 6531–6533 SMTPUTF8": (
        f"{RECEPTION}dialogue.py::test_the_envelope_keeps_every_parameter",
        f"{DELIVERY}connection.py::test_smtputf8_is_used_where_announced_and_refused_where_not",
        f"{DELIVERY}dsn.py::test_internationalised_mail_gets_an_internationalised_report",
    ),
    "RFC 3461–3464 DSN": (
        f"{RECEPTION}parameters.py::test_dsn_parameters_are_kept",
        f"{DELIVERY}connection.py::test_dsn_parameters_are_passed_on_where_they_are_announced",
        f"{DELIVERY}dsn.py::test_notify_decides",
        f"{SYSTEM}faulty_next_hops.py::test_a_notification_is_a_report_by_rfc_3464_with_all_that_the_sender_asked_to_have_back",
    ),
    "RFC 3834 Auto-Submitted on notifications": (f"{DELIVERY}dsn.py::test_it_is_a_report_with_all_its_fields",),
    "RFC 6409 submission": (
        f"{RECEPTION}dialogue.py::test_trusted_clients_get_date_and_message_id_when_missing_and_strangers_do_not",
    ),
    "RFC 7505 null MX": ("unit/routing/test_mx.py::test_a_domain_that_can_take_no_mail_is_refused",),
    "RFC 3848 with names in trace": (
        f"{RECEPTION}tls.py::test_starttls_begins_anew_and_the_trace_says_so",
        f"{RECEPTION}auth.py::test_a_signed_in_user_may_relay_and_the_trace_says_so",
    ),
    "nothing of a relayed message is altered": (
        f"{RECEPTION}dialogue.py::test_a_message_is_kept_with_its_trace_and_nothing_else_changed",
        f"{DELIVERY}connection.py::test_a_message_arrives_as_it_is",
        f"{SYSTEM}debian_mail_tools.py::test_what_swaks_sends_arrives_with_a_trace_field_on_top_and_nothing_else_changed",
    ),
}


@cache
def names_in(path: Path) -> frozenset[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kinds))


@pytest.mark.parametrize("what", [*FAILURES, *STANDARDS])
def test_it_has_its_tests(what: str) -> None:
    named = (FAILURES | STANDARDS)[what]
    assert named
    missing = [test for test in named if test.partition("::")[2] not in names_in(TESTS / test.partition("::")[0])]
    assert not missing


_RUNS = re.compile(
    r"shell\s*=\s*True|create_subprocess_shell|os\.(?:system|popen|exec|spawn)|\b(?:eval|exec)\(|pickle|marshal\."
)


def test_no_shell_and_nothing_that_runs_what_it_reads() -> None:
    found = [
        f"{path.relative_to(APP)}: {line.strip()}"
        for path in APP.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if _RUNS.search(line.partition("#")[0]) and ".exec(" not in line
    ]
    assert not found
