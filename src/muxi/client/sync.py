"""The client for code that does not wait: every method of `Client`, one after the other.

Used by scripts, notebooks and threads. An event loop in a thread of its own does the waiting; all
else is the client's own.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Self

from muxi.client.audit import Audit
from muxi.client.blocking import Face, blocking, streaming
from muxi.client.budgets import Budgets
from muxi.client.client import Client
from muxi.client.credentials import Credentials
from muxi.client.facts import Facts
from muxi.client.files import Files
from muxi.client.knowledge import Knowledge
from muxi.client.mcp import McpServers
from muxi.client.memories import Memories
from muxi.client.rules import Rules
from muxi.client.secrets import Secrets
from muxi.client.tools import Tools
from muxi.client.users import Groups, Keys, Tenants, Users
from muxi.client.voice import Voice
from muxi.core.background import BackgroundLoop


class SyncSecrets(Face[Secrets]):
    """See `Secrets`."""

    names = blocking(Secrets.names)
    put = blocking(Secrets.put)
    delete = blocking(Secrets.delete)
    rotate_key = blocking(Secrets.rotate_key)


class SyncRules(Face[Rules]):
    """See `Rules`."""

    can = blocking(Rules.can)
    actions = blocking(Rules.actions)
    roles = blocking(Rules.roles)
    role = blocking(Rules.role)
    put_role = blocking(Rules.put_role)
    change_role = blocking(Rules.change_role)
    delete_role = blocking(Rules.delete_role)
    policies = blocking(Rules.policies)
    policy = blocking(Rules.policy)
    put_policy = blocking(Rules.put_policy)
    change_policy = blocking(Rules.change_policy)
    delete_policy = blocking(Rules.delete_policy)


class SyncAudit(Face[Audit]):
    """See `Audit`."""

    page = blocking(Audit.page)
    head = blocking(Audit.head)
    report = blocking(Audit.report)
    export = streaming(Audit.export)


class SyncBudgets(Face[Budgets]):
    """See `Budgets`."""

    all = blocking(Budgets.all)
    get = blocking(Budgets.get)
    put = blocking(Budgets.put)
    delete = blocking(Budgets.delete)
    balances = blocking(Budgets.balances)
    usage = blocking(Budgets.usage)


class SyncMemories(Face[Memories]):
    """See `Memories`."""

    search = blocking(Memories.search)
    page = blocking(Memories.page)
    get = blocking(Memories.get)
    add = blocking(Memories.add)
    delete = blocking(Memories.delete)
    forget = blocking(Memories.forget)
    verify = blocking(Memories.verify)
    retention = blocking(Memories.retention)
    stats = blocking(Memories.stats)
    size = blocking(Memories.size)
    export = streaming(Memories.export)
    take_in = blocking(Memories.take_in)
    take_in_file = blocking(Memories.take_in_file)


class SyncFacts(Face[Facts]):
    """See `Facts`."""

    tree = blocking(Facts.tree)
    page = blocking(Facts.page)
    history = blocking(Facts.history)
    subjects = blocking(Facts.subjects)
    get = blocking(Facts.get)
    put = blocking(Facts.put)
    patch = blocking(Facts.patch)
    end = blocking(Facts.end)
    put_all = blocking(Facts.put_all)
    delete = blocking(Facts.delete)
    delete_one = blocking(Facts.delete_one)


class SyncMcpServers(Face[McpServers]):
    """See `McpServers`."""

    servers = blocking(McpServers.servers)
    server = blocking(McpServers.server)
    restart = blocking(McpServers.restart)
    log = blocking(McpServers.log)
    locks = blocking(McpServers.locks)
    lock = blocking(McpServers.lock)
    trust = blocking(McpServers.trust)
    distrust = blocking(McpServers.distrust)
    approve = blocking(McpServers.approve)
    begin_login = blocking(McpServers.begin_login)
    finish_login = blocking(McpServers.finish_login)
    log_out = blocking(McpServers.log_out)
    resources = blocking(McpServers.resources)
    read = blocking(McpServers.read)
    prompts = blocking(McpServers.prompts)
    prompt = blocking(McpServers.prompt)
    complete = blocking(McpServers.complete)


class SyncTools(Face[Tools]):
    """See `Tools`."""

    page = blocking(Tools.page)
    search = blocking(Tools.search)
    get = blocking(Tools.get)
    check = blocking(Tools.check)


class SyncFiles(Face[Files]):
    """See `Files`."""

    send = blocking(Files.send)
    get = blocking(Files.get)
    page = blocking(Files.page)
    delete = blocking(Files.delete)
    content = blocking(Files.content)
    at_providers = blocking(Files.at_providers)


class SyncVoice(Face[Voice]):
    """See `Voice`."""

    transcribe = blocking(Voice.transcribe)
    speak = blocking(Voice.speak)


class SyncKnowledge(Face[Knowledge]):
    """See `Knowledge`."""

    add = blocking(Knowledge.add)
    page = blocking(Knowledge.page)
    get = blocking(Knowledge.get)
    search = blocking(Knowledge.search)
    remove = blocking(Knowledge.remove)


class SyncUsers(Face[Users]):
    """See `Users`."""

    me = blocking(Users.me)
    page = blocking(Users.page)
    get = blocking(Users.get)
    create = blocking(Users.create)
    change = blocking(Users.change)
    delete = blocking(Users.delete)
    set_password = blocking(Users.set_password)
    change_password = blocking(Users.change_password)
    sessions = blocking(Users.sessions)
    sign_out = blocking(Users.sign_out)
    end_session = blocking(Users.end_session)


class SyncGroups(Face[Groups]):
    """See `Groups`."""

    page = blocking(Groups.page)
    get = blocking(Groups.get)
    put = blocking(Groups.put)
    delete = blocking(Groups.delete)
    members = blocking(Groups.members)
    add = blocking(Groups.add)
    remove = blocking(Groups.remove)


class SyncKeys(Face[Keys]):
    """See `Keys`."""

    page = blocking(Keys.page)
    get = blocking(Keys.get)
    create = blocking(Keys.create)
    rotate = blocking(Keys.rotate)
    revoke = blocking(Keys.revoke)


class SyncTenants(Face[Tenants]):
    """See `Tenants`."""

    page = blocking(Tenants.page)
    get = blocking(Tenants.get)
    create = blocking(Tenants.create)
    change = blocking(Tenants.change)


class SyncCredentials(Face[Credentials]):
    """See `Credentials`."""

    list = blocking(Credentials.list)
    put = blocking(Credentials.put)
    delete = blocking(Credentials.delete)
    begin_login = blocking(Credentials.begin_login)
    finish_login = blocking(Credentials.finish_login)


class SyncClient(Face[Client]):
    """A connection to one muxi server; use it as `with SyncClient(...) as client:`.

    It has the methods of `Client`, which wait for the answer, and may be used by several threads.

    Args:
        base_url: Where the server listens; ignored when `socket` is given.
        socket: Path of the socket beside a project, `.muxi/muxi.sock`.
        token: Content of the project's token file, or a key.
        timeout: Seconds to wait for an answer. Streams of events have no such bound.
        user: Id of the user to act for; whoever the token belongs to if None.
    """

    def __init__(
        self,
        base_url: str = "http://localhost:5050",
        *,
        socket: str | Path | None = None,
        token: str | None = None,
        timeout: float = 30.0,
        user: str | None = None,
    ) -> None:
        client = Client(base_url, socket=socket, token=token, timeout=timeout, user=user)
        super().__init__(BackgroundLoop(), client)
        self._loop.__enter__()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. The client cannot be used any more."""
        self._loop.run(self._inner.close())
        self._loop.__exit__()

    status = blocking(Client.status)
    reload = blocking(Client.reload)
    ready = blocking(Client.ready)
    agents = blocking(Client.agents)
    agent = blocking(Client.agent)
    save_agent = blocking(Client.save_agent)
    models = blocking(Client.models)
    create_thread = blocking(Client.create_thread)
    threads = blocking(Client.threads)
    thread = blocking(Client.thread)
    rename_thread = blocking(Client.rename_thread)
    delete_thread = blocking(Client.delete_thread)
    messages = blocking(Client.messages)
    start_run = blocking(Client.start_run)
    stream = streaming(Client.stream)
    runs = blocking(Client.runs)
    run = blocking(Client.run)
    cancel = blocking(Client.cancel)
    events = streaming(Client.events)
    thread_events = streaming(Client.thread_events)
    blob = blocking(Client.blob)
    approvals = blocking(Client.approvals)
    approval = blocking(Client.approval)
    resolve = blocking(Client.resolve)
    login_link = blocking(Client.login_link)

    @cached_property
    def secrets(self) -> SyncSecrets:
        """The project's secrets."""
        return SyncSecrets(self._loop, self._inner.secrets)

    @cached_property
    def rules(self) -> SyncRules:
        """Roles and policies, and what somebody may do by them."""
        return SyncRules(self._loop, self._inner.rules)

    @cached_property
    def audit(self) -> SyncAudit:
        """Who did what."""
        return SyncAudit(self._loop, self._inner.audit)

    @cached_property
    def budgets(self) -> SyncBudgets:
        """What may be consumed, what is left of it, and what was consumed."""
        return SyncBudgets(self._loop, self._inner.budgets)

    @cached_property
    def memories(self) -> SyncMemories:
        """What agents remember of the client's user."""
        return SyncMemories(self._loop, self._inner.memories)

    @cached_property
    def facts(self) -> SyncFacts:
        """What is known of the client's user and of the world."""
        return SyncFacts(self._loop, self._inner.facts)

    @cached_property
    def mcp(self) -> SyncMcpServers:
        """The MCP servers of the project."""
        return SyncMcpServers(self._loop, self._inner.mcp)

    @cached_property
    def tools(self) -> SyncTools:
        """The tools that agents could have."""
        return SyncTools(self._loop, self._inner.tools)

    @cached_property
    def files(self) -> SyncFiles:
        """Files that messages refer to."""
        return SyncFiles(self._loop, self._inner.files)

    @cached_property
    def voice(self) -> SyncVoice:
        """Recordings into words, and words into speech."""
        return SyncVoice(self._loop, self._inner.voice)

    @cached_property
    def knowledge(self) -> SyncKnowledge:
        """Documents that agents look into."""
        return SyncKnowledge(self._loop, self._inner.knowledge)

    @cached_property
    def users(self) -> SyncUsers:
        """Users and service accounts, and oneself."""
        return SyncUsers(self._loop, self._inner.users)

    @cached_property
    def groups(self) -> SyncGroups:
        """Groups of users, who share roles."""
        return SyncGroups(self._loop, self._inner.groups)

    @cached_property
    def keys(self) -> SyncKeys:
        """Keys of the API."""
        return SyncKeys(self._loop, self._inner.keys)

    @cached_property
    def tenants(self) -> SyncTenants:
        """Tenants, for who runs the project."""
        return SyncTenants(self._loop, self._inner.tenants)

    @cached_property
    def credentials(self) -> SyncCredentials:
        """What the client's user brings for tools and MCP servers."""
        return SyncCredentials(self._loop, self._inner.credentials)
