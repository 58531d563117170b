"""Who and what the demo shows. All names are invented; prices are in the range of Thai networks."""

from dataclasses import dataclass, field

PASSWORD = "charge-me-2569"  # noqa: S105 (printed at the start of every demo)

Prices = tuple[tuple[str, str, str], ...]  # (part, period, baht)


def tou(on_peak: str, off_peak: str) -> Prices:
    return (("energy", "on_peak", on_peak), ("energy", "off_peak", off_peak))


@dataclass(frozen=True)
class DemoStation:
    """``chargers`` are ids of the simulator's fleet, with the place of each."""

    name: str
    name_th: str
    address: str
    meter: str
    contracted_kw: int
    chargers: dict[str, str]
    prices: dict[str, Prices]
    tap_mode: str = "tap_starts"


@dataclass(frozen=True)
class Person:
    """A customer: card of the fleet, level, mode, opening balance in baht."""

    name: str
    phone: str
    card: str
    level: str = "member"
    mode: str = "prepaid"
    balance: int = 2_000
    credit: int = 0


@dataclass(frozen=True)
class DemoCompany:
    slug: str
    name: str
    name_th: str
    entity: str
    tax_id: str
    admins: tuple[tuple[str, str, str], ...]  # (user name, name, level)
    stations: tuple[DemoStation, ...]
    people: tuple[Person, ...] = field(default=())


SIRINTHARA = DemoCompany(
    slug="sirinthara",
    name="Sirinthara Group",
    name_th="กลุ่มสิรินธารา",
    entity="บริษัท สิรินธารา พร็อพเพอร์ตี้ จำกัด",
    tax_id="0105560000018",
    admins=(
        ("surasak", "สุรศักดิ์ มั่นคง", "owner"),
        ("malee", "มาลี ทองดี", "manager"),
        ("anan", "อนันต์ ใจเย็น", "operator"),
        ("view", "คณะกรรมการอาคาร", "viewer"),
    ),
    stations=(
        DemoStation(
            name="Sukjai Market Bangna",
            name_th="ตลาดสุขใจ บางนา",
            address="88 ถนนเทพรัตน แขวงบางนาใต้ เขตบางนา กรุงเทพฯ 10260",
            meter="0123456781",
            contracted_kw=250,
            chargers={
                "SJ-01": "ชั้น G โซน B ช่องจอด 13–14",
                "SJ-02": "ชั้น G โซน B ช่องจอด 15–16",
                "SJ-03": "ชั้น G โซน B ช่องจอด 17–18",
                "SJ-04": "ชั้น G โซน C ช่องจอด 21",
                "SJ-05": "ชั้น G โซน C ช่องจอด 22",
            },
            prices={
                "guest": tou("7.70", "6.00"),
                "member": tou("7.50", "5.80"),
                "vip": tou("6.50", "5.20"),
            },
        ),
        DemoStation(
            name="Sirinthara Sukhumvit 101",
            name_th="สิรินธารา สุขุมวิท 101",
            address="101 ถนนสุขุมวิท แขวงบางจาก เขตพระโขนง กรุงเทพฯ 10260",
            meter="0123456782",
            contracted_kw=60,
            chargers={f"SRT-0{n}": f"ชั้น B1 ช่องจอด {n + 30}" for n in range(1, 7)},
            prices={"guest": tou("7.50", "5.50"), "member": tou("6.90", "4.80")},
            tap_mode="confirm_first",
        ),
        DemoStation(
            name="Baan Chao Phraya Hotel",
            name_th="โรงแรมบ้านเจ้าพระยา",
            address="12 ถนนพระอาทิตย์ แขวงชนะสงคราม เขตพระนคร กรุงเทพฯ 10200",
            meter="0123456783",
            contracted_kw=60,
            chargers={f"BCP-0{n}": f"ลานจอดริมน้ำ ช่อง {n}" for n in range(1, 5)},
            prices={"guest": (("start", "any", "20"), ("energy", "any", "8.50"))},
        ),
    ),
    people=(
        Person("พิมพ์ชนก วัฒนกุล", "+66812340093", "0404A394", "vip", balance=3_500),
        Person("โธธิน วรภัทรพิสิษฐ", "+66891230018", "0414A3E4", "vip", "postpaid", 0, 5_000),
        Person("กมลชนก ศรีสวัสดิ์", "+66621230040", "0411A375", balance=1_200),
        Person("เชษฐ์ คีรีธรพงษ์", "+66861230077", "0407A303", "member", "postpaid", 0, 3_000),
        Person("วรพจน์ อินทรสุข", "+66811230055", "0401A325", balance=1_800),
        Person("Allan Hart", "+66911230061", "040DA3E1", "vip", balance=8_877),
        Person("ศิริพร แก้วมณี", "+66841230051", "0402A34A", balance=2_700),
        Person("นภัสวรรณ ทองดี", "+66951230066", "0403A36F", "vip", "postpaid", 0, 8_000),
        Person("Spencer Hebert", "+66831230029", "0405A3B9", balance=1_450),
        Person("ธีรภัทร จงเจริญ", "+66801230034", "0409A34D", balance=1_650),
        Person("Bob Simpson", "+66921230012", "0406A3DE", balance=2_000),
        Person("ชลธิชา พงษ์พันธ์", "+66931230013", "0408A328", balance=900),
        Person("ณัฐวุฒิ แสงทอง", "+66941230014", "040AA372", balance=1_100),
        Person("ปวีณา รุ่งเรือง", "+66961230015", "040BA397", balance=1_300),
        Person("กิตติศักดิ์ บุญมา", "+66971230016", "040CA3BC", "vip", balance=4_200),
        Person("อรทัย สุขสวัสดิ์", "+66981230017", "040EA306", balance=1_000),
        Person("พงศกร ดีเลิศ", "+66982230018", "040FA32B", balance=2_100),
        Person("Emma Lindqvist", "+66983230019", "0410A350", balance=1_900),
        Person("สมหญิง ใจดี", "+66984230020", "0412A39A", balance=1_500),
        Person("วิชัย เกียรติกุล", "+66985230021", "0413A3BF", balance=2_600),
        Person("รัตนา ศรีสุข", "+66986230022", "0415A309", balance=1_700),
        Person("ทดลอง บัตรสาธิต", "+66987230023", "DEMO2569", balance=1_000),
    ),
)

OFFICE_PARK = DemoCompany(
    slug="office-park",
    name="Office Park Ladprao",
    name_th="ออฟฟิศพาร์ค ลาดพร้าว",
    entity="บริษัท ออฟฟิศพาร์ค จำกัด",
    tax_id="0105561000020",
    admins=(("wipa", "วิภา อุดมสุข", "owner"),),
    stations=(
        DemoStation(
            name="Tower A car park",
            name_th="ลานจอดตึก A",
            address="555 ถนนลาดพร้าว แขวงจอมพล เขตจตุจักร กรุงเทพฯ 10900",
            meter="0123456790",
            contracted_kw=100,
            chargers={"OPL-01": "ชั้น 2 เสา C4", "OPL-02": "ชั้น 2 เสา C5"},
            prices={"guest": tou("7.00", "5.00")},
        ),
    ),
    people=(Person("พนักงาน ตัวอย่าง", "+66988230024", "0451A001", balance=500),),
)

COMPANIES = (SIRINTHARA, OFFICE_PARK)
