from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.oneroster import MOST_LINES, UnreadableFileError, read_users

HEADER = (
    "sourcedId,status,dateLastModified,enabledUser,username,givenName,familyName,email,"
    "metadata.classId,metadata.graduationYear"
)


def read(*lines: str, header: str = HEADER) -> list[object]:
    return list(read_users("\r\n".join((header, *lines)).encode(), "school_1"))


def test_a_line_becomes_a_student_of_the_school() -> None:
    (line,) = read_users(
        f'\ufeff{HEADER}\n s-1 ,active,,true,ana,"Ana, María",Ruiz,a@b.c,3B,2029\n\n'.encode(), "school_1"
    )
    assert line.student is not None
    assert line.student.key == ("school_1", "s-1")
    assert (line.student.given_name, line.student.class_id, line.student.graduation_year) == (
        "Ana, María",
        "3B",
        2029,
    )


def test_columns_may_stand_in_any_order_and_optional_ones_be_missing() -> None:
    (line,) = read_users(b"familyName,givenName,enabledUser,sourcedId\nRuiz,Ana,true,s-1", "school_1")
    assert line.student is not None
    assert line.student.graduation_year is None


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        (",,,true,u,Ana,Ruiz,,3B,2029", "sourcedId '' is empty"),
        ("a#b,,,true,u,Ana,Ruiz,,3B,2029", "contains '#'"),
        ("a,,,yes,u,Ana,Ruiz,,3B,2029", "enabledUser 'yes'"),
        ("a,gone,,true,u,Ana,Ruiz,,3B,2029", "status 'gone'"),
        ("a,,,true,u,Ana,Ruiz,,3B,next", "graduationYear 'next'"),
        ("a,,,true,u,Ana,Ruiz,,3B,1029", "graduation_year 1029"),
        ("a,,,true,u,Ana,Ruiz,,3 B,2029", "class_id '3 B'"),
        ("a,,,true,u,Ana", "6 fields"),
    ],
)
def test_a_fault_is_told_with_its_column(cells: str, fault: str) -> None:
    (line,) = read_users(f"{HEADER}\n{cells}".encode(), "school_1")
    assert line.student is None
    assert fault in line.faults[0]


def test_who_is_not_enabled_is_left_out_and_said() -> None:
    lines = read_users(
        f"{HEADER}\na,,,false,u,Ana,Ruiz,,,\nb,tobedeleted,,true,u,Leo,Paz,,,".encode(), "school_1"
    )
    assert [bool(line.skipped) for line in lines] == [True, True]
    assert not any(line.student or line.faults for line in lines)


def test_a_file_with_too_many_lines_is_refused() -> None:
    lines = [f"s-{number},,,true,u,Ana,Ruiz,,,2029" for number in range(MOST_LINES + 1)]
    with pytest.raises(UnreadableFileError, match="5,000"):
        read(*lines)
    assert len(read(*lines[:-1])) == MOST_LINES


@pytest.mark.property
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for header in (b"", b"sourcedId,enabledUser,givenName,familyName\n"):
        try:
            lines = read_users(header + content, "school_1")
        except UnreadableFileError:
            continue
        assert all(line.student or line.faults or line.skipped for line in lines)
