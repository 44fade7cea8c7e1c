from __future__ import annotations

import asyncio

from p2pchat.ui.rpc.methods import Order
from p2pchat.ui.rpc.ordering import Sequencer, Stage


def test_who_comes_when_the_others_may_go_on_does_not_overtake_them() -> None:
    """A script that is read in two parts, while a room is made that its messages go to."""

    async def main() -> None:
        sequencer, went = Sequencer(), list[int]()

        async def send(stage: Stage, number: int) -> None:
            await stage.turn()
            went.append(number)
            sequencer.leave(stage)

        def begin(number: int) -> asyncio.Task[None]:
            return asyncio.create_task(send(sequencer.enter("#maths", Order.SEND, True), number))

        creating = sequencer.enter("#maths", Order.WRITE, True)
        tasks = [begin(number) for number in range(3)]
        await asyncio.sleep(0)
        tasks.append(begin(3))
        sequencer.leave(creating)
        tasks.append(begin(4))
        await asyncio.gather(*tasks)
        assert went == [0, 1, 2, 3, 4]

    asyncio.run(main())
