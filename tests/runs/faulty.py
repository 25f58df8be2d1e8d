"""A server of chat completions that answers as planned: rightly, too late, by halves, or not at all."""

import asyncio
import json
import threading
from collections import Counter
from contextlib import suppress
from hashlib import sha256
from random import Random

FAULTS = ("429", "429-after", "500", "slow", "drop", "half", "garbage", "no-choices", "wrong-usage")


def right_answer(body):
    """Return what a body is answered, which depends on all that a model may look at."""
    asked = json.dumps([body["messages"], body.get("seed"), body.get("temperature")])
    return f"answer {sha256(asked.encode()).hexdigest()[:16]}"


class Server:
    """A server in a thread of its own, on a free port of 127.0.0.1.

    `plan(body, nth)` says what becomes of the nth request for the same question: "" for an answer,
    one of FAULTS, a text for the answer, or a dict for the whole response.
    """

    def __init__(
        self, plan=lambda body, nth: "", *, capacity=10**9, latency_s=0.0, retry_after_s=0.05
    ):
        self.plan, self.capacity, self.latency_s = plan, capacity, latency_s
        self.retry_after_s = retry_after_s
        self.asked = Counter()  # how often each question came
        self.answered = Counter()  # how often it was answered in full
        self.bodies, self.keys = [], set()
        self.n_requests = self.in_flight = self.most_in_flight = 0
        self.keeps_bodies = False
        self.loop = asyncio.new_event_loop()
        self.began = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        assert self.began.wait(10)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.done.set)
        self.thread.join(10)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v1"

    def _run(self):
        self.loop.run_until_complete(self._serve())
        self.loop.close()

    async def _serve(self):
        self.done = asyncio.Event()
        self.tasks = set()
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.began.set()
        await self.done.wait()
        server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _converse(self, reader, writer):
        self.tasks.add(task := asyncio.current_task())
        task.add_done_callback(self.tasks.discard)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._exchange(reader, writer):
                pass
        writer.close()

    async def _exchange(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1")
        path = head.split(" ", 2)[1]
        lines = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        lines = {name.lower(): value for name, value in lines.items()}
        body = json.loads(await reader.readexactly(int(lines["content-length"])))
        self.keys.add(lines.get("authorization", ""))
        self.n_requests += 1
        if self.keeps_bodies:
            self.bodies.append(body)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._respond(path, body, writer, self.in_flight > self.capacity)
        finally:
            self.in_flight -= 1

    async def _respond(self, path, body, writer, is_full):
        if path.endswith("/embeddings"):
            vectors = [
                {"index": i, "embedding": [len(t), 1.0]} for i, t in enumerate(body["input"])
            ]
            return self._send(writer, {"data": vectors[::-1]})
        question = json.dumps([body["messages"], body.get("seed")])
        nth = self.asked[question]
        self.asked[question] += 1
        fault = "429" if is_full else self.plan(body, nth)
        if self.latency_s and not is_full:
            await asyncio.sleep(self.latency_s)
        if isinstance(fault, dict):
            return self._answer(writer, body, fault)
        if fault in {"429", "429-after"}:
            after = {"Retry-After": str(self.retry_after_s)} if fault == "429-after" else {}
            return self._send(writer, {"error": {"message": "too many"}}, 429, after)
        if fault == "500":
            return self._send(writer, {"error": {"message": "a fault"}}, 500)
        if fault == "drop":
            writer.transport.abort()
            return False
        if fault == "slow":
            await asyncio.sleep(1.5)
        self.answered[question] += 1
        return self._answer(writer, body, fault)

    def _answer(self, writer, body, fault):
        if isinstance(fault, dict):
            status = fault.pop("status", 200) if "status" in fault else 200
            return self._send(writer, fault, status)
        text = fault if fault and fault not in FAULTS else right_answer(body)
        n_read = sum(len(str(each["content"])) // 4 for each in body["messages"])
        usage = {"prompt_tokens": n_read, "completion_tokens": 10, "total_tokens": n_read + 10}
        if fault == "wrong-usage":
            usage = {"prompt_tokens": -5, "completion_tokens": "many"}
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
        }
        told = {
            "model": "served-1",
            "choices": [] if fault == "no-choices" else [choice],
            "usage": usage,
        }
        if body.get("stream"):
            return self._stream(writer, text, told, half=fault == "half")
        return self._send(writer, told, fault=fault)

    def _send(self, writer, told, status=200, headers=None, fault=""):
        content = json.dumps(told).encode()
        if fault == "garbage":
            content = b"<html>" + content
        lines = [f"HTTP/1.1 {status} planned", "Content-Type: application/json"]
        lines += [f"Content-Length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        if fault == "half":
            writer.write(head + content[: len(content) // 2])
            writer.close()
            return False
        writer.write(head + content)
        return True

    def _stream(self, writer, text, told, *, half):
        first, *rest = text.split(" ")
        parts = [first, *(f" {part}" for part in rest)]
        events = [{"choices": [{"index": 0, "delta": {"content": part}}]} for part in parts]
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        events.append({"choices": [], "usage": told["usage"]})
        texts = [f"data: {json.dumps(each)}\n\n" for each in events] + ["data: [DONE]\n\n"]
        content = "".join(texts[:1] if half else texts).encode()
        head = (
            b"HTTP/1.1 200 planned\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        )
        writer.write(head + content)
        writer.close()
        return False


def storm(share, seed=0, *, faults=FAULTS, most=4):
    """Plan faults at random, for at most so many tries of the same question."""
    luck = Random(seed)

    def plan(body, nth):
        return luck.choice(faults) if nth < most and luck.random() < share else ""

    return plan
