import stat

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import ImplicitVRLittleEndian

from medsyngen.cohort.header_texts import header_identifiers
from medsyngen.cohort.identifiers import (
    path_identifiers,
    read_identifiers,
    source_identifiers,
    write_identifiers,
)
from medsyngen.formats.dicom import read_dataset

PIXELS = np.zeros((4, 4), np.uint16)


@pytest.fixture(params=["1.2.840.10008.1.2.1", ImplicitVRLittleEndian])
def found(request, tmp_path, make_dicom):
    inner = pydicom.Dataset()
    inner.ReferencedSOPInstanceUID = "1.2.3.4.5.6.789"
    inner.RetrieveAETitle = "PACS-AE-1"
    outer = pydicom.Dataset()
    outer.ReferencedImageSequence = [inner]
    outer.StudyDescription = "Nested description"
    code = pydicom.Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "109100", "DCM-X-Y", "Synthesizing Equipment"
    path = make_dicom(
        tmp_path / "a",
        PIXELS,
        syntax=request.param,
        SpecificCharacterSet="ISO_IR 192",
        InstitutionName="Klinik Sankt Müller\\Haus Zwei",
        PatientComments="First line\nSecond line",
        StudyTime="101500",
        SeriesTime="101500.123",
        AcquisitionDateTime="20010203040506",
        BodyPartExamined="CHESTX",
        ReferencedStudySequence=[outer],
        ProcedureCodeSequence=[code],
        PatientBirthDate="",
    )
    dataset = pydicom.dcmread(path)
    block = dataset.private_block(0x0099, "Vendor Block", create=True)
    block.add_new(0x01, "LO", "Private Tom Note")
    block.add_new(0x02, "UN", b"Raw Private Text ")
    block.add_new(0x03, "OB", b"Binary blob, not text")
    dataset.save_as(path)
    return header_identifiers(read_dataset(path)[0])


def test_every_kind_of_text_is_found(found):
    assert {
        "Fictional^Quintessa",
        "Fictional",
        "Quintessa",
        "PAT-000001",
        "ACC-778899",
        "19991231",
        "Klinik Sankt Müller",
        "Haus Zwei",
        "Second line",
        "101500.123",
        "20010203040506",
        "1.2.3.4.5.6.789",
        "PACS-AE-1",
        "Nested description",
        "Vendor Block",
        "Private Tom Note",
    } <= {text.strip() for text in found}
    assert "Raw Private Text" in {text.strip() for text in found}


def test_codes_bare_times_and_coded_words_are_not(found):
    assert not {"101500", "CHESTX", "109100", "Synthesizing Equipment", "DCM-X-Y"} & found


def test_what_identifies_nobody_is_dropped():
    texts = [
        "1.2.840.10008.1.2.1",
        "Patient",
        "UNSPECIFIED",
        "000000",
        "000000.000",
        "short",
        "Modality ",
        "chest-32 v2",
    ]
    assert source_identifiers([*texts, " Quintessa \0"], public_text="name: Chest-32 V2\n") == {"Quintessa"}


def test_generated_uids_of_pydicom_are_kept():
    uid = pydicom.uid.generate_uid()
    assert source_identifiers([uid, pydicom.uid.PYDICOM_IMPLEMENTATION_UID]) == {uid}


def test_names_of_files_and_folders():
    assert path_identifiers("Smith_John/study.1/IMG0001.dcm") == {"Smith_John", "study.1", "IMG0001"}
    assert {"ward 7", "Smith_John", "IMG0001"} <= path_identifiers("ward 7.zip!Smith_John/IMG0001.dcm")
    assert "Smith_John" in path_identifiers("Smith_John.nii.gz")


@settings(max_examples=8, deadline=None)
@given(st.frozensets(st.text(min_size=6), max_size=8))
def test_the_list_comes_back(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("private") / "identifiers.jsonl"
    for _ in range(2):  # the second time it replaces the first
        write_identifiers(path, texts)
        assert read_identifiers(path) == texts
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize("content", ["12\n", '"half', "\n"])
def test_a_damaged_list_is_no_list(tmp_path, content):
    path = tmp_path / "identifiers.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"identifiers|Expecting|Unterminated"):
        read_identifiers(path)


@pytest.mark.parametrize("public", ["contact: +49 711 1234567", "spacing 0.1234567", "a1234560"])
def test_a_number_within_a_longer_public_number_is_still_searched_for(public):
    assert source_identifiers(["123456"], public_text=public) == {"123456"}
    assert source_identifiers(["123456"], public_text=f"{public}, 123456.") == frozenset()
