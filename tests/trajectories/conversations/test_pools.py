"""Pools of messages: what goes in comes out, each is read once, and hostile references do nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.trajectories.conversations.pools import MessagePool, whole_ranges

repeatable = settings(deadline=None, derandomize=True, max_examples=50)
messages = st.lists(st.sampled_from([{"content": letter} for letter in "abcdef"]), max_size=12)


def told(pool, ranges):
    return [pool.messages[number] for first, end in ranges for number in range(first, end)]


@given(st.lists(messages, max_size=8))
@repeatable
def test_conversations_come_out_as_they_went_in(conversations):
    pool = MessagePool()
    kept = [pool.refer(each) for each in conversations]
    assert [told(pool, ranges) for ranges in kept] == conversations
    assert len(pool.messages) == len({each["content"] for one in conversations for each in one})


@given(
    st.lists(
        st.lists(st.lists(st.integers(-2, 12), min_size=2, max_size=2), max_size=3), max_size=6
    )
)
@repeatable
def test_each_message_is_read_for_the_first_time_once(prompts):
    pool, seen = MessagePool(range(10)), set()
    for ranges in prompts:
        named = {at for first, end in ranges for at in range(max(first, 0), min(end, 10))}
        found = list(pool.unread(ranges))
        assert set(found) == named - seen
        assert len(found) == len(set(found))
        seen |= named


def test_messages_that_a_source_pooled_itself_are_found_again():
    pool = MessagePool([{"content": "a"}, {"content": "b"}])
    assert pool.refer([{"content": "b"}, {"content": "c"}, {"content": "a"}]) == [[1, 3], [0, 1]]


def test_what_is_kept_of_a_new_message_may_be_another_form():
    pool = MessagePool()
    assert pool.refer([{"at": "1"}], kept=lambda message: message["at"]) == [[0, 1]]
    assert (pool.messages, pool.refer([{"at": "1"}])) == (["1"], [[0, 1]])


def test_what_is_no_range_is_passed_over():
    assert list(whole_ranges([[0, 1, 2], [True, 2], [2, 1], None, [0, 10**30]], 3)) == [(0, 3)]
    assert list(whole_ranges("no list", 3)) == []
