"""Calls to a chat endpoint that answers at once, 50 at a time: the processor's time of the client.

The peer is OpenAI's own asynchronous client behind a semaphore; it keeps nothing. Ours renders
prompts, stores each answer in a transaction before it counts it, and makes a table at the end.
"""

PEER = "openai"
SIZE = 2_000
UNIT = "{n} calls, 50 at a time"
GOAL = 4.0
CLOCK = "cpu"


def ours(n):
    from answering import asked_by_workbench, served

    return asked_by_workbench(n, served())


def theirs(n):
    import asyncio

    from answering import messages, served
    from openai import AsyncOpenAI

    url = f"http://127.0.0.1:{served()}/v1"

    async def main():
        turn = asyncio.Semaphore(50)
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=2) as client:

            async def ask(at):
                async with turn:
                    return await client.chat.completions.create(model="m", messages=messages(at))

            return await asyncio.gather(*map(ask, range(n)))

    def work():
        found = asyncio.run(main())
        return {
            "n:right": sum(each.choices[0].message.content == "fine" for each in found),
            "n:tokens": sum(each.usage.completion_tokens for each in found),
        }

    return work
