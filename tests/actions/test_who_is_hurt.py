"""Who is hurt and by whom decides the kind that leads, the number to call first, the voice, and the words."""

from __future__ import annotations

from datetime import datetime

import pytest

from actions.first_answer import first_answer
from actions.triage import Assessment, Triage
from knowledge.directory import VIETNAM, Directory
from knowledge.text import fold, nfc

TRIAGE = Triage.load()
DIRECTORY = Directory.load()
DAY = datetime(2026, 11, 25, 14, 0, tzinfo=VIETNAM)  # a Wednesday: all lines that have hours are open
CHILD_WORDS = ("trẻ", "Em ", " em ")
RANSOM = ("tiền chuộc", "tự trả tiền", "biển hiệu")
FEW = ("trẻ", *RANSOM)

# message, leading kind, first number, speaker, words that must not be in the answer
CASES = [
    # a neighbour's or somebody else's child
    ("nhà bên cạnh khóa cửa đánh con, thằng bé chảy máu", "child_abuse", "115", "witness", RANSOM),
    ("hang xom nhot con trong nha danh, thang be khoc thet", "child_abuse", "111", "witness", RANSOM),
    ("hàng xóm nhốt con trong nhà đánh, bé bị chảy máu đầu", "child_abuse", "115", "witness", RANSOM),
    ("hàng xóm khóa trái cửa đánh con nó, thằng bé la hét", "child_abuse", "111", "witness", RANSOM),
    ("Nhà hàng xóm đang đánh con, tiếng khóc to lắm", "child_abuse", "111", "witness", RANSOM),
    ("be 3 tuoi nha ke ben bi xich trong chuong cho", "child_abuse", "111", "witness", RANSOM),
    ("thang be 4 tuoi phong ben canh bi bo duong dim dau vao xo nuoc", "child_abuse", "111", "witness", RANSOM),
    ("Nghe tiếng trẻ con khóc thét với tiếng roi nhà bên", "child_abuse", "111", "witness", RANSOM),
    ("Có nhóm thanh niên đang đánh hội đồng một học sinh sau trường", "child_abuse", "111", "witness", RANSOM),
    ("đứa bé nhà bên bị mẹ kế đánh bất tỉnh rồi", "child_abuse", "115", "witness", RANSOM),
    ("bé gái lạc mẹ ở bến xe, đang khóc một mình", "child_neglect", "111", "witness", RANSOM),
    ("co dua be so sinh bi bo truoc cong, tim tai roi", "child_neglect", "115", "witness", RANSOM),
    ("cứu bé với, có ông bế bé gái lên xe chạy mất", "trafficking", "111", "witness", ("cho trẻ ăn",)),
    # my own child
    ("chồng tôi đánh con tôi bầm tím", "child_abuse", "111", "carer", RANSOM),
    ("con tôi bị thầy đánh ở lớp", "child_abuse", "111", "carer", RANSOM),
    ("chau toi 5 tuoi bi me ke bo doi nhot trong phong", "child_abuse", "111", "carer", RANSOM),
    ("con em bi thay giao xam hai hom qua", "sexual_abuse", "111", "carer", RANSOM),
    ("Con tôi 7 tuổi bị bạn lớp trên đánh hội đồng, quay clip đăng lên mạng", "child_abuse", "111", "carer", ("gửi thêm ảnh",)),
    ("tôi lỡ tay đánh con chảy máu", "child_abuse", "115", "doer", ("đừng tự xông vào", *RANSOM)),
    ("Con gái 5 tuổi của tôi bị hàng xóm dâm ô", "sexual_abuse", "111", "witness", ("lỗi của anh/chị",)),
    ("thầy thể dục hay đụng chạm vào ngực mấy bạn nữ lớp em", "sexual_abuse", "111", "witness", ("lỗi của anh/chị",)),
    # I am a child
    ("em 13 tuổi, bố dượng hay đánh em", "child_abuse", "111", "child", ("anh/chị", "Anh/chị", *RANSOM)),
    ("em hoc lop 6, ba em nhau say la danh em", "child_abuse", "111", "child", ("nh/chị",)),
    ("Bố dượng đang đánh em, em trốn trong nhà vệ sinh, cứu em với", "child_abuse", "113", "child", ("nh/chị",)),
    ("em đang trốn trong tủ, ba em cầm gậy đang kiếm em", "child_abuse", "113", "child", ("nh/chị",)),
    ("cu em, bo em dang cam dao ngoai cua", "child_abuse", "113", "child", ("nh/chị",)),
    ("mẹ kế bỏ đói em", "child_neglect", "111", "child", ("nh/chị", *RANSOM)),
    ("em bị bạn cùng lớp đánh rồi quay clip, dọa đánh tiếp", "child_abuse", "113", "child", ("gửi thêm ảnh",)),
    ("Em 14 tuổi, ba say rượu ép em ngủ chung", "sexual_abuse", "111", "child", ("gửi thêm ảnh", "nh/chị")),
    ("em 15 tuổi quen qua mạng một anh đòi ảnh nóng", "sexual_abuse", "113", "child", ("nh/chị",)),
    ("bo em danh me em", "domestic_violence", "111", "child", ("nh/chị", *RANSOM)),
    ("mẹ em bị ba đánh ngất xỉu nằm dưới sàn", "domestic_violence", "115", "child", ("nh/chị",)),
    ("em 12 tuổi em muốn chết", "suicide", "096 306 1414", "child", ("nh/chị",)),
    ("bố bắt em nghỉ học đi bán vé số", "child_neglect", "111", "child", ("cho trẻ ăn",)),
    # a grown-up, hurt by a partner or the partner's family
    ("chong toi dang bop co toi cuu toi voi", "domestic_violence", "113", "self", CHILD_WORDS),
    ("chồng tôi đang bóp cổ tôi", "domestic_violence", "113", "self", CHILD_WORDS),
    ("chong danh toi chay mau dau roi, dang khoa cua ben ngoai", "domestic_violence", "115", "self", (*CHILD_WORDS, *RANSOM)),
    ("tôi bị chồng đánh gãy tay", "domestic_violence", "113", "self", CHILD_WORDS),
    ("chồng nhốt em trong phòng không cho ra ngoài", "domestic_violence", "113", "self", FEW),
    ("Chồng tôi đang cầm dao dọa giết hai mẹ con", "domestic_violence", "113", "self", FEW),
    ("mẹ chồng đánh em", "domestic_violence", "113", "self", FEW),
    ("e bị ck tát ù tai", "domestic_violence", "113", "self", FEW),
    ("vo toi lay dao chem toi", "domestic_violence", "113", "self", FEW),
    ("thằng con nghiện đòi giết tôi", "domestic_violence", "113", "self", FEW),
    ("bạn trai cũ dọa tung ảnh nóng của em", "sexual_abuse", "113", "self", FEW),
    ("chồng cũ cứ tìm đến đập cửa nhà tôi", "domestic_violence", "113", "self", FEW),
    # somebody else who is grown up
    ("con gái tôi bị chồng nó đánh nhập viện", "domestic_violence", "113", "witness", FEW),
    ("chị gái em bị chồng đánh thâm tím người", "domestic_violence", "113", "witness", FEW),
    ("bà cụ nhà bên bị con trai đánh", "domestic_violence", "113", "witness", FEW),
    ("Ông già bị con trai đánh bỏ ngoài đường, chảy máu đầu", "domestic_violence", "115", "witness", FEW),
    ("bà cụ bị con bỏ đói", "domestic_violence", "113", "unknown", FEW),
    ("co nguoi cam dao dung truoc cong nha em", "other_violence", "113", "unknown", FEW),
    ("No phe thuoc cam dao ra duong duoi chem nguoi ta", "overdose", "113", "witness", ("nằm nghiêng", *FEW)),
    # taken away, sold, held for work or papers
    ("em bi lua qua campuchia, ho giu ho chieu bat lam", "trafficking", "113", "unknown", ("trẻ",)),
    ("ông chủ giữ giấy tờ nhốt em trong xưởng", "trafficking", "113", "unknown", ("trẻ", "nước ngoài")),
    ("em gái tôi bị lừa bán sang trung quốc", "trafficking", "113", "witness", ("trẻ", "biển hiệu")),
    ("hắn nhốt tôi trong nhà nghỉ bắt tiếp khách", "trafficking", "113", "self", ("trẻ",)),
    ("cứu với tụi nó bắt em lên xe rồi", "trafficking", "113", "unknown", ("tự đuổi theo",)),
    # against oneself: seconds count where the means are at hand
    ("em vua uong ca vi thuoc ngu", "suicide", "115", "unknown", ("trẻ", "lan can", "xa mép")),
    ("Ba tôi uống thuốc trừ sâu rồi", "suicide", "115", "witness", ("chịu một mình", "trẻ")),
    ("con gái tôi đứng trên cầu đòi nhảy", "suicide", "113", "witness", ("gây nôn", "vỏ thuốc")),
    ("em đang đứng trên cầu muốn chết", "suicide", "113", "unknown", ("gây nôn", "vỏ thuốc")),
    ("rach tay chay mau nhieu lam", "suicide", "115", "unknown", ("gây nôn", "xa mép")),
    ("chồng đánh em hoài, em vừa uống thuốc sâu", "suicide", "115", "self", ("trẻ",)),
    ("tôi không muốn sống nữa", "suicide", "096 306 1414", "self", ("gây nôn", "trẻ")),
    ("bạn em nhắn tin từ biệt, không ai gọi được", "suicide", "113", "witness", ("ở bên người ấy",)),
    ("ông xã tôi nói hôm nay sẽ giết cả nhà rồi tự tử", "domestic_violence", "113", "self", ("chịu một mình",)),
    # body, fire, water
    ("cháy", "fire_accident", "114", "unknown", ("đối đầu",)),
    ("chay mau", "fire_accident", "115", "unknown", ("đối đầu", "khói")),
    ("anh tôi chơi đá xong co giật sùi bọt mép", "overdose", "115", "witness", ("trẻ", "tránh ra xa")),
    ("bé nhà em uống nhầm nước tẩy", "overdose", "115", "witness", ("đối đầu",)),
    ("con em sốt co giật tím tái", "fire_accident", "115", "witness", ("khói", "thang máy")),
    ("chay nha roi, ba toi con ket ben trong", "fire_accident", "114", "self", ("nằm nghiêng",)),
    ("bé rơi xuống ao rồi", "fire_accident", "114", "witness", ("khói",)),
    ("xe tải tông người nằm giữa đường", "fire_accident", "115", "unknown", ("khói",)),
]


def said_to(message: str) -> tuple[Assessment, str, list[str]]:
    read = TRIAGE.assess(message)
    said = first_answer(read, DAY, DIRECTORY, case_noted=True)
    text = said.text.replace("bảo vệ trẻ em", "")  # the name of 111
    return read, text, [line.phone for line in said.hotlines]


def test_the_table_is_large() -> None:
    assert len({message for message, *_ in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize(("message", "kind", "number", "speaker", "never"), CASES)
def test_the_answer_fits_the_case(message: str, kind: str, number: str, speaker: str, never: tuple[str, ...]) -> None:
    read, text, phones = said_to(message)
    assert (read.kinds[0], phones[0], read.speaker) == (kind, number, speaker)
    assert [word for word in never if word in text] == []


@pytest.mark.parametrize("message", [message for message, kind, *_ in CASES if kind == "domestic_violence"])
def test_without_marks_a_grown_up_is_not_taken_for_a_child(message: str) -> None:
    read, text, _ = said_to(fold(nfc(message)))
    assert read.victim != "child"
    assert "child_abuse" not in read.kinds
    assert "trẻ" not in text


def test_a_witness_of_a_hurt_child_is_given_111_and_113_and_115_where_it_bleeds() -> None:
    assert said_to("hàng xóm đang đánh con, bé khóc thét")[2][:2] == ["111", "113"]
    assert set(said_to("hàng xóm đánh con, bé chảy máu")[2]) == {"111", "113", "115"}


def test_a_wounded_grown_up_is_given_the_police_and_the_ambulance() -> None:
    _, text, phones = said_to("chồng đang đánh tôi gãy tay")
    assert phones[:2] == ["113", "115"]
    assert ", rồi 115" in text


def test_a_name_does_not_reach_over_a_pause() -> None:
    assert said_to("nó theo em về tới hẻm, em đang núp trong tiệm, cứu em")[0].speaker != "witness"


def test_who_is_in_danger_is_the_one_whom_it_befalls() -> None:
    assert TRIAGE.assess("người yêu tôi dọa nhảy cầu nếu tôi chia tay").victim == "other"
    assert TRIAGE.assess("chồng đánh tôi hoài, tôi muốn chết").victim == "self"
