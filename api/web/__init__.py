"""Pages for people.

How to add a page:

1. In a module of its own for the group of pages (``api/web/<group>.py``), make a router with
   `page_router()`; every form sent to its routes is checked to be one of ours.
2. A route's parameter ``visit: Annotated[Access, signed_in(Permission.X)]`` lets in those who may,
   asks for a purpose, and enters the access log; call ``visit.saw(...)`` with the ids that the
   page tells of. ``personal=False`` is for pages that tell nothing personal, and
   ``writes=True`` for routes that change something: they get a transaction.
3. Answer with ``page(request, "<group>/<name>.html", title=..., ...)``. Templates extend
   ``layout/page.html`` and fill the block ``content``; macros are in ``layout/macros.html``.
   Every value from data goes through the filter ``shown``. ``person`` is who is signed in,
   ``may`` what they may do, ``navigation`` the groups that they see. Forms begin with
   ``{{ csrf_field }}``; nothing is inline: no ``style``, no ``<style>``, no script, no ``on...``.
4. After a change, answer with ``see(request, "/where", said="What was done.")``. A form that
   cannot be taken: ``raise Instead(page(..., errors=..., status=422))``, which also takes back
   what was written.
5. Add the router to ``_ROUTERS`` in `api.web.app`, a sample address with content to
   ``tests/browser/samples.py`` (a test misses it otherwise), and the group to `api.web.navigation`
   if it belongs there.

No personal value in any address, title or message. What is said at ``said`` neither.
"""
