"""Stands for LINE: api.line.me, access.line.me and the phones of its users, over plain HTTP.

The bot's own API (push, reply, quota, linkToken), LINE Login (authorize, token, verify, friendship),
the account-link dialog, and signed webhooks. Answers and errors read as LINE's own
(developers.line.biz, Messaging API and LINE Login v2.1 references).

GET  /                                    the phones: who is there, what they got (``line_pages``)
GET  /_control/messages[?to=U…]           what was delivered, oldest first
POST /_control/fail    {"status", "times"}      the next calls of the bot's API fail: 429, 500, 401, 0 = no answer
POST /_control/quota   {"most", "used"}         most null: a plan without limit
POST /_control/auto    {"user"}                 log in without a click, as this user ("" : ask)
POST /_control/event   {"kind", "user", ...}    send a webhook (follow, unfollow, message + "text"); "redelivery": true
"""

import argparse
import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from simulators import line_pages

MAX_BODY = 256 * 1024
PEOPLE = ("สมชาย", "มาลี", "Anna")
LINK_TOKEN_S, CODE_S = 600, 600


class Refused(Exception):
    """LINE says no: a status and its JSON."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status)
        self.status, self.body = status, body


@dataclass(frozen=True)
class Channel:
    """The secrets that both sides know, and where webhooks go."""

    access_token: str = "demo-line-access-token"
    secret: str = "demo-line-channel-secret"
    login_id: str = "2000000001"
    login_secret: str = "demo-line-login-secret"
    webhook: str = ""


@dataclass
class User:
    name: str
    id: str
    friend: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class World:
    """Everything LINE knows. Guarded by one lock: requests come on threads."""

    channel: Channel
    users: dict[str, User] = field(default_factory=dict)
    delivered: list[dict[str, Any]] = field(default_factory=list)
    accepted: dict[str, str] = field(default_factory=dict)  # retry key -> request id
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    id_tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    access: dict[str, str] = field(default_factory=dict)  # user's access token -> user id
    link_tokens: dict[str, tuple[str, float]] = field(default_factory=dict)
    reply_tokens: dict[str, str] = field(default_factory=dict)
    failing: list[int] = field(default_factory=list)
    most: int | None = 300
    used: int = 0
    auto: str = ""
    calls: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        for name in PEOPLE:
            self.user(name)

    def user(self, name: str) -> User:
        """A person by name; made when first seen, with an id of LINE's form."""
        key = "U" + hashlib.sha256(name.encode()).hexdigest()[:32]
        return self.users.setdefault(key, User(name, key))

    # --- the bot's API -----------------------------------------------------------------------------

    def push(self, body: dict[str, Any], retry_key: str, request_id: str) -> dict[str, Any]:
        to, messages = str(body.get("to", "")), _messages(body)
        if retry_key in self.accepted:
            raise Refused(409, {"message": "The retry key is already accepted"})
        if to not in self.users:
            raise Refused(400, {"message": "The property, 'to', in the request body is invalid"})
        if self.most is not None and self.used >= self.most:
            raise Refused(429, {"message": "You have reached your monthly limit."})
        if retry_key:
            self.accepted[retry_key] = request_id
        if self.users[to].friend:  # to a stranger it is accepted and never arrives
            self.used += 1
            self._deliver(to, messages, "push")
        return {"sentMessages": [{"id": str(self.used)}]}

    def reply(self, body: dict[str, Any]) -> dict[str, Any]:
        to = self.reply_tokens.pop(str(body.get("replyToken", "")), "")
        if not to:
            raise Refused(400, {"message": "Invalid reply token"})
        self._deliver(to, _messages(body), "reply")
        return {"sentMessages": []}

    def link_token(self, user_id: str) -> dict[str, Any]:
        if user_id not in self.users:
            raise Refused(404, {"message": "Not found"})
        token = secrets.token_urlsafe(24)
        self.link_tokens[token] = (user_id, time.monotonic() + LINK_TOKEN_S)
        return {"linkToken": token}

    def quota(self) -> dict[str, Any]:
        return {"type": "none"} if self.most is None else {"type": "limited", "value": self.most}

    def _deliver(self, to: str, messages: list[dict[str, Any]], how: str) -> None:
        at = time.time()
        for message in messages:
            row = {"to": to, "how": how, "at": at, "message": message}
            self.delivered.append(row)
            self.users[to].messages.append(row)

    # --- LINE Login --------------------------------------------------------------------------------

    def code_for(self, user: User, asked: dict[str, str]) -> str:
        """They agreed: a code, once, for what was asked."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = {**asked, "user": user.id, "until": time.monotonic() + CODE_S}
        return code

    def token(self, form: dict[str, str]) -> dict[str, Any]:
        asked = self.codes.pop(form.get("code", ""), None)
        good = (
            asked is not None
            and asked["until"] > time.monotonic()
            and form.get("grant_type") == "authorization_code"
            and form.get("client_id") == self.channel.login_id
            and form.get("redirect_uri") == asked["redirect_uri"]
            and _challenge(form.get("code_verifier", "")) == asked.get("code_challenge", "")
        )
        if form.get("client_secret") != self.channel.login_secret:
            raise Refused(400, {"error": "invalid_client", "error_description": "client_secret"})
        if not good or asked is None:
            raise Refused(400, {"error": "invalid_grant", "error_description": "invalid code"})
        user = self.users[asked["user"]]
        id_token, access = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.id_tokens[id_token] = {
            "iss": "https://access.line.me",
            "sub": user.id,
            "aud": self.channel.login_id,
            "exp": int(time.time()) + 3600,
            "iat": int(time.time()),
            "nonce": asked.get("nonce", ""),
            "amr": ["linesso"],
            "name": user.name,
        }
        self.access[access] = user.id
        return {
            "access_token": access,
            "expires_in": 2592000,
            "id_token": id_token,
            "refresh_token": secrets.token_urlsafe(16),
            "scope": "openid profile",
            "token_type": "Bearer",
        }

    def verify(self, form: dict[str, str]) -> dict[str, Any]:
        claims = self.id_tokens.get(form.get("id_token", ""))
        if claims is None:
            raise Refused(400, _invalid("Invalid IdToken."))
        if form.get("client_id") != claims["aud"]:
            raise Refused(400, _invalid("Invalid IdToken Audience."))
        if "nonce" in form and form["nonce"] != claims["nonce"]:
            raise Refused(400, _invalid("Invalid IdToken Nonce."))
        return claims

    def friendship(self, access_token: str) -> dict[str, Any]:
        user_id = self.access.get(access_token)
        if user_id is None:
            raise Refused(401, {"message": "invalid token"})
        return {"friendFlag": self.users[user_id].friend}

    # --- webhooks ------------------------------------------------------------------------------------

    def event(self, kind: str, user: User, **more: Any) -> dict[str, Any]:
        """A webhook event of the user, as LINE writes it."""
        found: dict[str, Any] = {
            "type": kind,
            "mode": "active",
            "timestamp": int(time.time() * 1000),
            "source": {"type": "user", "userId": user.id},
            "webhookEventId": more.pop("event_id", "") or secrets.token_hex(13).upper(),
            "deliveryContext": {"isRedelivery": bool(more.pop("redelivery", False))},
        }
        if kind != "unfollow":
            token = secrets.token_hex(16)
            self.reply_tokens[token] = user.id
            found["replyToken"] = token
        return found | more

    def send(self, *events: dict[str, Any]) -> int:
        """POST them, signed; the status that came back, 0 where nobody answered."""
        if not self.channel.webhook:
            return 0
        body = json.dumps({"destination": "U" + "0" * 32, "events": list(events)}).encode()
        request = urllib.request.Request(self.channel.webhook, body)
        request.add_header("Content-Type", "application/json")
        request.add_header("X-Line-Signature", signature(self.channel.secret, body))
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def befriend(self, user: User) -> None:
        if not user.friend:
            user.friend = True
            self.later(self.event("follow", user, follow={"isUnblocked": False}))

    def later(self, event: dict[str, Any]) -> None:
        """LINE sends webhooks in its own time, not while somebody clicks."""
        threading.Thread(target=self.send, args=(event,), daemon=True).start()


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a request; LINE's sizes are LINE's to refuse."""
    found = body.get("messages")
    if not isinstance(found, list) or not 1 <= len(found) <= 5:
        raise Refused(400, {"message": "Size must be between 1 and 5", "details": []})
    for each in found:
        if each.get("type") == "flex":
            size = len(json.dumps(each.get("contents"), ensure_ascii=False).encode())
            if not 0 < len(each.get("altText", "")) <= 1500 or size > 30_000:
                raise Refused(400, {"message": "The request body has 1 error(s)"})
    return found


def _invalid(why: str) -> dict[str, str]:
    return {"error": "invalid_request", "error_description": why}


class Handler(BaseHTTPRequestHandler):
    """One request. ``world`` is set by ``serve``."""

    world: World
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def _answer(self, route: Any) -> None:
        self.request_id = secrets.token_hex(8)
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(min(length, MAX_BODY))
        parts = urlsplit(self.path)
        self.where = parts.path
        self.query = {key: each[0] for key, each in parse_qs(parts.query).items()}
        try:
            with self.world.lock:
                found = route()
        except Refused as refusal:
            if refusal.status == 0:
                self.close_connection = True
                return
            found = (refusal.status, refusal.body)
        if found is not None:
            self._send(*found)

    def _send(self, status: int, body: Any, *, location: str = "") -> None:
        page = isinstance(body, str)
        content = body.encode() if page else json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header(
            "Content-Type", f"{'text/html' if page else 'application/json'}; charset=utf-8"
        )
        self.send_header("Content-Length", str(len(content)))
        self.send_header("x-line-request-id", self.request_id)
        accepted = self.world.accepted.get(self.headers.get("X-Line-Retry-Key") or "")
        if status == 409 and accepted:
            self.send_header("x-line-accepted-request-id", accepted)
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(content)

    def _away(self, url: str) -> None:
        self._send(302, "", location=url)

    # --- routes -------------------------------------------------------------------------------------

    def _get(self) -> Any:
        world = self.world
        if self.where == "/":
            people = list(world.users.values())
            chosen = world.users.get(self.query.get("user", "")) or people[0]
            return 200, line_pages.phone(people, chosen)
        if self.where == "/_control/messages":
            to = self.query.get("to")
            return 200, [row for row in world.delivered if not to or row["to"] == to]
        if self.where == "/oauth2/v2.1/authorize":
            return self._authorize()
        if self.where == "/dialog/bot/accountLink":
            return self._account_link()
        if self.where == "/friendship/v1/status":
            return 200, world.friendship(self._bearer())
        self._bot()
        if self.where == "/v2/bot/message/quota":
            return 200, world.quota()
        if self.where == "/v2/bot/message/quota/consumption":
            return 200, {"totalUsage": world.used}
        raise Refused(404, {"message": "Not found"})

    def _post(self) -> Any:
        world = self.world
        if self.where.startswith("/_control/"):
            return 200, self._control(self.where.removeprefix("/_control/"), self._json())
        if self.where == "/_login":
            return self._agreed(self._form())
        if self.where == "/_tap":
            return self._tapped(self._form())
        if self.where == "/oauth2/v2.1/token":
            return 200, world.token(self._form())
        if self.where == "/oauth2/v2.1/verify":
            return 200, world.verify(self._form())
        self._bot()
        if self.where == "/v2/bot/message/push":
            key = self.headers.get("X-Line-Retry-Key") or ""
            return 200, world.push(self._json(), key, self.request_id)
        if self.where == "/v2/bot/message/reply":
            return 200, world.reply(self._json())
        if self.where.startswith("/v2/bot/user/") and self.where.endswith("/linkToken"):
            return 200, world.link_token(self.where.split("/")[4])
        raise Refused(404, {"message": "Not found"})

    def _bot(self) -> None:
        """The bot's API: its token, and the failures that were asked for."""
        self.world.calls += 1
        if self.world.failing:
            status = self.world.failing.pop(0)
            words = {
                429: "The API rate limit has been exceeded. Try again later.",
                500: "Internal Server Error",
            }
            raise Refused(status, {"message": words.get(status, "An error")})
        if self._bearer() != self.world.channel.access_token:
            why = "Authentication failed. Confirm that the access token in the authorization header is valid."
            raise Refused(401, {"message": why})

    def _authorize(self) -> Any:
        if self.query.get("client_id") != self.world.channel.login_id:
            raise Refused(400, {"message": "invalid client_id"})
        if self.query.get("response_type") != "code" or not self.query.get("state"):
            raise Refused(400, {"message": "invalid request"})
        if self.world.auto:
            return self._agreed(
                {**self.query, "user": self.world.user(self.world.auto).id, "add": "1"}
            )
        return 200, line_pages.login(list(self.world.users.values()), self.query)

    def _agreed(self, form: dict[str, str]) -> None:
        """The person clicked Allow or Cancel."""
        back, state = form["redirect_uri"], form["state"]
        user = self.world.users.get(form.get("user", ""))
        if user is None:
            asked = {"error": "access_denied", "error_description": "ACCESS_DENIED", "state": state}
            return self._away(f"{back}?{urlencode(asked)}")
        was = user.friend
        if form.get("add") and form.get("bot_prompt"):
            self.world.befriend(user)
        code = self.world.code_for(user, form)
        changed = {"friendship_status_changed": "true" if user.friend != was else "false"}
        self._away(f"{back}?{urlencode({'code': code, 'state': state, **changed})}")
        return None

    def _account_link(self) -> Any:
        user_id, until = self.world.link_tokens.pop(self.query.get("linkToken", ""), ("", 0.0))
        nonce = self.query.get("nonce", "")
        if not user_id or until < time.monotonic() or not 10 <= len(nonce) <= 255:
            return 400, line_pages.say("ลิงก์นี้หมดอายุแล้ว", "This link is no longer valid.")
        user = self.world.users[user_id]
        self.world.later(
            self.world.event("accountLink", user, link={"result": "ok", "nonce": nonce})
        )
        return 200, line_pages.say("เชื่อมบัญชีแล้ว", "The accounts are linked.", user.id)

    def _tapped(self, form: dict[str, str]) -> None:
        """What the person at the simulated phone did."""
        world, user = self.world, self.world.users[form["user"]]
        if form["do"] == "follow":
            world.befriend(user)
        elif form["do"] == "block" and user.friend:
            user.friend = False
            world.later(world.event("unfollow", user))
        elif form["do"] == "write" and user.friend:
            text = form.get("text", "")[:200] or "สวัสดี"
            user.messages.append({"how": "mine", "at": time.time(), "message": _said(text)})
            world.later(world.event("message", user, message=_said(text)))
        self._away(f"/?{urlencode({'user': user.id})}")

    def _control(self, what: str, wish: dict[str, Any]) -> dict[str, Any]:
        world = self.world
        if what == "fail":
            world.failing = [int(wish["status"])] * int(wish.get("times", 1))
        elif what == "quota":
            world.most, world.used = wish["most"], int(wish["used"])
        elif what == "auto":
            world.auto = str(wish["user"])
        elif what == "event":
            user = world.user(str(wish.pop("user")))
            kind = str(wish.pop("kind"))
            if "text" in wish:
                wish["message"] = _said(str(wish.pop("text")))
            if kind in ("follow", "unfollow"):
                user.friend = kind == "follow"
            return {"status": world.send(world.event(kind, user, **wish))}
        else:
            raise Refused(404, {"message": f"there is no {what}"})
        return {"status": "done"}

    # --- reading -------------------------------------------------------------------------------------

    def _bearer(self) -> str:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def _json(self) -> dict[str, Any]:
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            raise Refused(400, {"message": "The request body could not be parsed"}) from None
        return found if isinstance(found, dict) else {}

    def _form(self) -> dict[str, str]:
        return {key: each[0] for key, each in parse_qs(self.body.decode()).items()}


def _said(text: str) -> dict[str, Any]:
    return {"type": "text", "id": secrets.token_hex(8), "text": text}


def serve(channel: Channel, port: int = 0) -> ThreadingHTTPServer:
    """A server that is not running yet; ``server.world`` is what it knows."""
    world = World(channel)
    server = ThreadingHTTPServer(("127.0.0.1", port), type("Bound", (Handler,), {"world": world}))
    server.daemon_threads = True
    server.world = world  # type: ignore[attr-defined] # for tests in the same process
    return server


def main() -> None:
    parser = argparse.ArgumentParser(description="Stands for LINE.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument(
        "--webhook", default="", help="where events are sent, ours: /webhooks/line/"
    )
    args = parser.parse_args()
    server = serve(Channel(webhook=args.webhook), args.port)
    print(f"LINE stands on http://127.0.0.1:{args.port}/", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
