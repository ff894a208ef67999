"""What becomes of names, as systems write them."""

from tests.spec.standardising import standardised


def test_a_prefix_that_does_not_distinguish_is_set_apart_when_another_name_follows() -> None:
    expected, found = standardised("""
        forename       | middle_names => forename   | name_prefix | prefix_only | middle_names
        Mohammed Yusuf |              => YUSUF      | MOHAMMED    |             |
        Md             | Yusuf        => YUSUF      | MOHAMMED    |             |
        Muhammad Md    | Yusuf Ali    => YUSUF      | MOHAMMED    |             | ALI
        Syeda Amina    |              => AMINA      | SYED        |             |
        Mohammed       |              => MOHAMMED   | MOHAMMED    | 1           |
        Mohd.          |              => MOHAMMED   | MOHAMMED    | 1           |
        Mohammedia     |              => MOHAMMEDIA |             |             |
    """)
    assert found == expected


def test_a_placeholder_is_no_forename_but_the_surname_stays() -> None:
    expected, found = standardised("""
        forename      | surname  => forename | surname | placeholder_name
        Baby          | KHAN     =>          | KHAN    | 1
        baby girl     | Khan     =>          | KHAN    | 1
        Twin 1        | Khan     =>          | KHAN    | 1
        Unborn baby of| Khan     =>          | KHAN    | 1
        Unknown       | Khan     =>          | KHAN    | 1
        Not Known     | Khan     =>          | KHAN    | 1
        Babylon       | Khan     => BABYLON  | KHAN    |
        Amina         | Unknown  => AMINA    |         |
    """)
    assert found == expected


def test_a_middle_name_does_not_take_the_place_of_a_forename() -> None:
    expected, found = standardised("""
        forename | middle_names => forename | middle_names | placeholder_name
        Baby     | Noor         =>          | NOOR         | 1
                 | Noor         =>          | NOOR         |
        Md       | Noor         => NOOR     |              |
    """)
    assert found == expected


def test_a_last_name_such_as_begum_is_marked_and_gives_way_to_a_family_name() -> None:
    expected, found = standardised("""
        surname      => surname | surname_honorific
        Begum        => BEGUM   | 1
        Khatun       => KHATUN  | 1
        Khan Begum   => KHAN    |
        Begum Khan   => KHAN    |
        Begum Bibi   => BIBI    | 1
    """)
    assert found == expected


def test_one_field_names_are_split_by_comma_by_order_or_at_the_last_word() -> None:
    expected, found = standardised("""
        name               | name_order     => forename | middle_names | surname
        KHAN, Aisha Noor   |                => AISHA    | NOOR         | KHAN
        Aisha Noor Khan    |                => AISHA    | NOOR         | KHAN
        Aisha Khan         | forename_first => AISHA    |              | KHAN
        Khan Aisha Noor    | surname_first  => AISHA    | NOOR         | KHAN
        Aisha              |                => AISHA    |              |
        Niamh O Brien      |                => NIAMH    |              | OBRIEN
        Aisha al Khan      |                => AISHA    |              | ALKHAN
        Baby KHAN          |                =>          |              | KHAN
    """)
    assert found == expected


def test_fields_of_their_own_win_over_the_one_field_name() -> None:
    expected, found = standardised("""
        forename | surname | name       => forename | surname
        Amina    |         | Nadia Khan => AMINA    | KHAN
                 | Ali     | Nadia Khan => NADIA    | ALI
    """)
    assert found == expected


def test_case_marks_apostrophes_and_hyphens_do_not_tell_names_apart() -> None:
    expected, found = standardised("""
        forename   | surname       => forename | middle_names | surname     | surname_first
        Zoë        | O'Brien       => ZOE      |              | OBRIEN      |
        ZOE        | O&#39;Brien   => ZOE      |              | OBRIEN      |
        zoe        | OBrien        => ZOE      |              | OBRIEN      |
        Zoë        | O’Brien       => ZOE      |              | OBRIEN      |
        Zoe        | o brien       => ZOE      |              | OBRIEN      |
        Łukasz     | Świątek       => LUKASZ   |              | SWIATEK     |
        Anne-Marie | Smith-Jones   => ANNE     | MARIE        | SMITH JONES | SMITH
        Anne Marie | Smith Jones   => ANNE     | MARIE        | SMITH JONES | SMITH
    """)
    assert found == expected


def test_digits_that_a_scanner_misread_become_the_letters_they_stand_for() -> None:
    expected, found = standardised("""
        forename | surname => forename | surname
        0livia   | W1lson  => OLIVIA   | WILSON
        Jo5h     | N0wak   => JOSH     | NOWAK
        Ann 2    | Lees 3  => ANN      | LEES
    """)
    assert found == expected


def test_a_name_cut_short_keeps_its_first_four_letters() -> None:
    expected, found = standardised("""
        forename        | surname        => forename_4 | surname_4 | forename_initial
        Christopher     | Featherstonehaugh => CHRI    | FEAT      | C
        Christophe      | Featherstone   => CHRI       | FEAT      | C
        Al              | Ng             => AL         | NG        | A
    """)
    assert found == expected


def test_forms_of_one_surname_share_a_family() -> None:
    expected, found = standardised("""
        surname   => surname_family
        Hussain   => HUSSAIN
        Hussein   => HUSSAIN
        Miah      => MIAH
        Mia       => MIAH
        Kowalska  => KOWALSKI
        Kowalski  => KOWALSKI
        Ivanova   => IVANOV
    """)
    assert found == expected


def test_names_in_other_scripts_stay_whole() -> None:
    expected, found = standardised("""
        forename | surname      => forename | surname
        রহিম     | মিয়া         => রহিম     | মিয়া
        राम      | शर्मा         => राम      | शर्मा
        محمد     | خان          => محمد     | خان
        李明     | 王           => 李明     | 王
        Νίκος    | Παπαδόπουλος => ΝΙΚΟΣ    | ΠΑΠΑΔΟΠΟΥΛΟΣ
    """)
    assert [len(row["forename"].split()) for row in found] == [1] * 5
    assert len({row["forename"] for row in found}) == 5
    assert len({row["surname"] for row in found}) == 5
    assert found[2:] == expected[2:]


def test_a_vowel_sign_tells_two_names_apart() -> None:
    _, found = standardised("""
        forename => forename
        রহিম     =>
        রহমা     =>
        राम      =>
        रीमा     =>
    """)
    assert len({row["forename"] for row in found}) == 4


def test_text_that_is_no_name_is_missing() -> None:
    expected, found = standardised("""
        forename | surname => forename | surname
        ?        | --      =>          |
        123      | .       =>          |
    """)
    assert found == expected


def test_a_word_for_a_name_that_is_not_known_weighs_nothing() -> None:
    expected, found = standardised("""
        forename        | middle_names | surname => forename | middle_1 | surname | placeholder_name
        NO NAME         |              | Khan    =>          |          | KHAN    | 1
        Name unknown    |              | Khan    =>          |          | KHAN    | 1
        Not yet named   |              | Khan    =>          |          | KHAN    | 1
        To be confirmed |              | Khan    =>          |          | KHAN    | 1
        T.B.C.          |              | Khan    =>          |          | KHAN    | 1
        XXX             |              | Khan    =>          |          | KHAN    | 1
        TEST            |              | Test    =>          |          |         | 1
        Anon            |              | Khan    =>          |          | KHAN    | 1
        BBY             | Noor         | Khan    =>          | NOOR     | KHAN    | 1
        Amina           | Not known    | XXX     => AMINA    |          |         |
        Testa           |              | Notley  => TESTA    |          | NOTLEY  |
    """)
    assert found == expected


def test_the_name_of_a_parent_is_not_the_child_s() -> None:
    expected, found = standardised(r"""
        forename        | middle_names | surname => forename | middle_1 | surname | placeholder_name
        B/O Nadia       |              | Khan           =>       |      | KHAN    | 1
        B/O Rukhsana    |              | Khan           =>       |      | KHAN    | 1
        b / o Nadia     | Begum        | Khan           =>       |      | KHAN    | 1
        B\O             | Nadia        | Khan           =>       |      | KHAN    | 1
        Baby            | of Nadia     | Khan           =>       |      | KHAN    | 1
        Baby of Nadia   | Begum        | Khan           =>       |      | KHAN    | 1
        Baby            | Noor         | B/O Khan       =>       | NOOR | KHAN    | 1
        Aisha d/o Nadia |              | Khan           => AISHA |      | KHAN    |
        Aisha           |              | Khan D/O Nadia => AISHA |      | KHAN    |
        Bo              |              | Ofori          => BO    |      | OFORI   |
        Nadia           | B O          | Offord         => NADIA | B    | OFFORD  |
    """)
    assert found == expected


def test_a_baby_known_by_its_mother_in_one_field_keeps_her_surname() -> None:
    expected, found = standardised("""
        name             => forename | middle_names | surname | placeholder_name
        B/O Nadia Khan   =>          |              | KHAN    | 1
        KHAN, B/O Nadia  =>          |              | KHAN    | 1
        Baby of Nadia Khan =>        |              | KHAN    | 1
    """)
    assert found == expected
