"""What keys do, by subject: the list under F1."""

from __future__ import annotations

from p2pchat.ui.language import N_

SHORTCUTS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        N_("Moving about"),
        (
            ("Ctrl+K", N_("Find people and rooms")),
            ("Alt+↑   Alt+↓", N_("Previous or next conversation")),
            ("Alt+Shift+↓", N_("Next conversation with something new")),
            ("Ctrl+F", N_("Find in messages")),
            ("Ctrl+G", N_("Go to a day of the conversation")),
            ("Ctrl+Home", N_("To the first unread message")),
            ("Ctrl+End", N_("To the newest messages")),
            ("Page Up   Page Down", N_("Scroll the conversation")),
            ("Ctrl+I", N_("Who this is, or who is in the room")),
            ("Ctrl+J", N_("All transfers")),
            ("Ctrl+,", N_("Settings")),
            ("F2", N_("The network in plain words")),
            ("F3", N_("Announcements")),
            ("F6", N_("Attendance")),
            ("Ctrl+S", N_("Export the register, on the page of attendance")),
            ("F4", N_("UDP test")),
            ("F7", N_("Your account")),
            ("F8", N_("I have seen what stands above everything")),
            ("F9", N_("Your status, pages and account")),
            ("F10", N_("What can be done with the conversation")),
            ("Esc", N_("Close what is open beside the conversation")),
            ("Tab   Shift+Tab", N_("From one control to the next, and back")),
            ("F1", N_("This list")),
        ),
    ),
    (
        N_("Writing"),
        (
            ("Enter", N_("Send")),
            ("Shift+Enter", N_("A new line")),
            ("↑", N_("Change what you wrote last")),
            ("Ctrl+E", N_("Emoji")),
            ("Ctrl+O", N_("Share files")),
            ("Ctrl+Shift+O", N_("Share a folder")),
            ("Ctrl+V", N_("Paste text, or share a copied picture")),
        ),
    ),
    (
        N_("Messages"),
        (
            ("↑   ↓", N_("From message to message, while the conversation has the focus")),
            ("Enter   Shift+F10", N_("What can be done with the message")),
            ("Ctrl+C", N_("Copy the message, or what is marked of it")),
        ),
    ),
    (
        N_("People and rooms"),
        (
            ("Shift+F10", N_("What can be done with the one in the list that keys are on")),
            ("Ctrl+N", N_("Join a room")),
            ("Ctrl+Shift+N", N_("Create a room")),
            ("Ctrl+L", N_("Connect by address")),
            ("Ctrl+P", N_("Other profiles")),
            ("Ctrl+Q", N_("Quit")),
        ),
    ),
)
"""Keys, and what they do."""
