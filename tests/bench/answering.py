"""A bare server of chat completions in a process of its own, and a bare client: floor and ceiling."""

import asyncio
import json
import subprocess
import sys

ANSWER = {
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
}  # fmt: skip
BODY = json.dumps({"id": "c", "object": "chat.completion", "created": 0, **ANSWER}).encode()
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)


class Answering(asyncio.Protocol):
    """Answers each request the same, some time after it is complete."""

    latency_s = 0.0

    def connection_made(self, transport):
        self.transport, self.rest = transport, b""

    def data_received(self, data):
        self.rest += data
        while (end := self.rest.find(b"\r\n\r\n")) >= 0:
            length = int(
                self.rest[:end].lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            )
            if len(self.rest) < end + 4 + length:
                return
            self.rest = self.rest[end + 4 + length :]
            asyncio.get_running_loop().call_later(self.latency_s, self.transport.write, RESPONSE)


def served(latency_s=0.0):
    """Start a server and return its port; it ends with this process."""
    command = [sys.executable, __file__, str(latency_s)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    served.kept = process  # its standard input closes when we end
    return int(process.stdout.readline())


async def _serve(latency_s):
    Answering.latency_s = latency_s
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answering, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


def messages(at):
    return [{"role": "user", "content": f"Answer: question {at}"}]


def asked_by_workbench(n, port, concurrency=50):
    """Return the work of asking n questions by `run`."""
    import workbench as wb
    from workbench.pricing import Price

    free = Price(*map(__import__("decimal").Decimal, "00"))
    rows = wb.read([{"input": f"question {at}"} for at in range(n)])
    model = wb.Endpoint(
        "m",
        base_url=f"http://127.0.0.1:{port}/v1",
        api_key_env=None,
        price=free,
        concurrency=concurrency,
    )
    prompt = wb.Prompt.of("Answer: {{ input }}", name="p")

    def work():
        outputs = wb.run(rows, models=model, prompts=prompt)
        return {
            "n:right": int((outputs["text"] == "fine").sum()),
            "n:tokens": int(outputs["output_tokens"].sum()),
        }

    return work


def asked_by_sockets(n, port, concurrency=50):
    """Return the work of asking n questions by a client that knows no HTTP but this."""

    async def ask(numbers, found):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for at in numbers:
            body = json.dumps({"model": "m", "messages": messages(at)}).encode()
            writer.write(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
                % (len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            found.append(json.loads(await reader.readexactly(length)))
        writer.close()

    async def main():
        found, numbers = [], iter(range(n))
        await asyncio.gather(*(ask(numbers, found) for _ in range(concurrency)))
        return found

    def work():
        found = asyncio.run(main())
        return {
            "n:right": sum(each["choices"][0]["message"]["content"] == "fine" for each in found),
            "n:tokens": sum(each["usage"]["completion_tokens"] for each in found),
        }

    return work


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
