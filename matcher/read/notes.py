"""What was seen while reading and cost no row, in words; how often is told beside it."""

NOTES = {
    "columns_ignored": "columns with headers that are not known; they are left out",
    "column_twice": "a header stands twice; the first one counts",
    "file_ignored": "a file holds no list of this source; it is left out",
    "table_absent": "a list that may come with it is not there",
    "mixed_encodings": "lines that are not UTF-8; they were read as Windows-1252",
    "read_as_utf8": "the file is UTF-8 and was read so",
    "read_as_windows_1252": "the file is not UTF-8 and was read as Windows-1252; if letters with "
    "accents are wrong, export it as CSV UTF-8",
    "hidden_sheet": "a sheet is hidden; it is left out",
    "sheet_ignored": "a sheet holds no list of this source; it is left out",
    "merged_cells": "cells that are empty because they are merged with another",
    "characters_replaced": "characters that could not be read; they were replaced",
    "quote_unclosed": "rows in which a quote opens a cell and is not closed; it was read as text",
    "mixed_date_orders": "the column holds both day/month and month/day",
    "mixed_date_forms": "the column holds dates of several forms",
    "dates_perhaps_swapped": "day and month of the column's dates may be swapped",
    "month_first_not_permitted": "the column looks like month/day, which is not permitted",
    "read_month_first": "the column was read as month/day",
    "born_after_as_of": "dates of birth after the date of their record",
    "birth_in_future": "dates of birth that lie ahead; they are taken as missing",
    "scientific_notation": "numbers such as 9.43E+09; they are taken as missing",
    "spreadsheet_error": "errors of a spreadsheet, such as #N/A; they are taken as missing",
    "formula_without_value": "formulas whose results the file does not hold; they are taken as "
    "missing; open the file in a spreadsheet program and save it",
    "unseen_characters": "values from which characters that cannot be seen were left out",
    "number_as_date": "numbers that a spreadsheet took for dates; they are taken as missing",
    "not_recognised": "words that are not known; they are taken as missing",
    "not_a_number": "hours that are no number; they are taken as missing",
}


def note_says(code: str) -> str:
    """The words for a note's code; a report that is kept may have one of an earlier version."""
    return NOTES.get(code, code.replace("_", " "))
