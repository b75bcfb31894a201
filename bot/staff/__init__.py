"""Accounts: log-in, sessions, roles, the pages for them and the audit log.

How a page for staff is made (`install_staff` in bot/staff/install.py makes `staff` once and hands it on):

    pages = StaffPages(HERE / "texts.yml")          # its own words beside those of bot/staff/texts.yml, in templates as `t`
    router = APIRouter(include_in_schema=False)
    officer, form = staff.require("duty_officer"), staff.form()

    @router.get("/truc")
    def desk(me: SignedIn = officer) -> Response:
        return pages.show("duty/desk.html", me, here="/truc", cases=...)

    @router.post("/truc/{case_id}/nhan")
    def take(case_id: str, me: SignedIn = officer, fields: Form = form) -> Response:
        ...                                          # fields.get("note", ""), fields.getlist("role"); me.account, me.actor
        return RedirectResponse("/truc", 303)

A template extends "staff/base.html" and fills the blocks `title` and `content` (and `head` for a script of its own). In it stand
`me` (SignedIn), `t` (words), the filter `moment`; each form holds {{ csrf(me) }}, which `{% from "staff/_parts.html" import csrf %}`
brings. A script sends `me.csrf` in the header X-CSRF-Token; without Accept: text/html it gets 401 and 403 as JSON, not pages.
"""
