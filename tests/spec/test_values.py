"""What becomes of dates, places and identifiers, as systems write them."""

from tests.spec.standardising import standardised


def test_a_placeholder_date_is_no_date_of_birth() -> None:
    expected, found = standardised("""
        date_of_birth => date_of_birth | placeholder_date | birth_year
        2014-01-01    =>               | 1                |
        1900-01-01    =>               | 1                |
        1900-06-15    =>               | 1                |
        2014-01-02    => 2014-01-02    |                  | 2014
    """)
    assert found == expected


def test_day_and_month_are_swapped_where_that_makes_another_date() -> None:
    expected, found = standardised("""
        date_of_birth => date_of_birth_swapped
        2014-05-03    => 2014-03-05
        2014-12-01    => 2014-01-12
        2014-05-25    =>
        2014-05-05    =>
    """)
    assert found == expected


def test_the_fifteenth_is_a_date_whose_day_is_uncertain() -> None:
    expected, found = standardised("""
        date_of_birth => date_of_birth | uncertain_day
        2014-06-15    => 2014-06-15    | 1
        2014-06-16    => 2014-06-16    |
    """)
    assert found == expected


def test_a_postcode_is_whole_and_well_formed_or_missing() -> None:
    expected, found = standardised("""
        postcode   => postcode | postcode_district
        ol1 1aa    => OL1 1AA  | OL1
        OL11AA     => OL1 1AA  | OL1
        M1 1AB     => M1 1AB   | M1
        W1A 1AB    => W1A 1AB  | W1A
        EC1A 1BB   => EC1A 1BB | EC1A
        OL10 3QX   => OL10 3QX | OL10
        OL1        =>          |
        OL1 1A     =>          |
        OL1 1AAA   =>          |
        not OL1 1AA=>          |
    """)
    assert found == expected


def test_inward_letters_that_are_never_issued_make_no_postcode() -> None:
    expected, found = standardised("""
        postcode => postcode
        OL1 1AC  =>
        OL1 1AI  =>
        OL1 1KA  =>
        OL1 1MA  =>
        OL1 1AO  =>
        OL1 1VA  =>
    """)
    assert found == expected


def test_pseudo_postcodes_are_missing() -> None:
    expected, found = standardised("""
        postcode => postcode
        ZZ99 3VZ =>
        ZZ99 3CZ =>
        zz993wz  =>
    """)
    assert found == expected


def test_an_address_is_reduced_to_what_all_systems_hold() -> None:
    expected, found = standardised("""
        address                      => address        | address_5
        12, Abbey Hills Road, Oldham => 12 ABBEY HILLS | 12 AB
        12 ABBEY HILLS RO            => 12 ABBEY HILLS | 12 AB
        Flat 3, 12 Abbey Hills Rd    => 12 ABBEY HILLS | 12 AB
        12a Mill Lane                => 12A MILL       | 12A M
        No fixed abode               =>                |
        unknown                      =>                |
    """)
    assert found == expected


def test_an_nhs_number_has_ten_digits_and_a_check_digit() -> None:
    expected, found = standardised("""
        nhs_number   => nhs_number | nhs_number_valid
        943 476 5919 => 9434765919 | 9434765919
        943-476-5919 => 9434765919 | 9434765919
        9434765918   => 9434765918 |
        943476591    =>            |
        9999999999   =>            |
    """)
    assert found == expected


def test_a_upn_is_well_formed_and_has_a_check_letter() -> None:
    expected, found = standardised("""
        upn            => upn           | upn_valid
        P207000016049  => P207000016049 | P207000016049
        B801200005001  => B801200005001 | B801200005001
        T353200109001  => T353200109001 | T353200109001
        X00180001701A  => X00180001701A | X00180001701A
        p207000016049  => P207000016049 | P207000016049
        B207000016049  => B207000016049 |
        X00180001701B  => X00180001701B |
        P20700001604   =>               |
        I207000016049  =>               |
    """)
    assert found == expected
