"""Names for simulated people and groups: several scripts, apostrophes and decomposed accents included."""

import random
import unicodedata


def _apart(text: str) -> str:
    """The decomposed spelling, which compares unequal to the composed one byte by byte."""
    return unicodedata.normalize("NFD", text)


# (as written, as used in an e-mail address)
FIRST_NAMES: tuple[tuple[str, str], ...] = (
    *((name, name.lower()) for name in (
        "Ada", "Alan", "Amara", "Anders", "Anna", "Ben", "Bianca", "Carla", "Chen", "Clara", "Daniel", "Dana", "Elena",
        "Emil", "Emma", "Erik", "Farah", "Felix", "Fiona", "Grace", "Hana", "Hugo", "Ines", "Ivan", "Jack", "Jana",
        "Jonas", "Julia", "Kai", "Karin", "Kofi", "Lara", "Leo", "Lina", "Lucas", "Maya", "Marco", "Mia", "Nadia",
        "Nina", "Noah", "Olga", "Omar", "Oscar", "Paula", "Peter", "Priya", "Ravi", "Rosa", "Ruth", "Samir", "Sara",
        "Stefan", "Tara", "Tomas", "Uma", "Vera", "Victor", "Wanda", "Yara", "Yusuf", "Zoe",
    )),
    ("José", "jose"), (_apart("José"), "jose"), ("Zoë", "zoe"), (_apart("Chloé"), "chloe"), ("Søren", "soren"),
    ("Łukasz", "lukasz"), ("Jean-Luc", "jean-luc"), ("D'Arcy", "darcy"), ("Ольга", "olga"), ("Ελένη", "eleni"),
    ("محمد", "muhammad"), ("فاطمة", "fatima"), ("נועה", "noa"), ("太郎", "taro"), ("秀英", "xiuying"),
    ("민준", "minjun"), ("प्रिया", "priya"), ("Nguyệt", "nguyet"), (_apart("Ğülşen"), "gulsen"),
)

LAST_NAMES: tuple[tuple[str, str], ...] = (
    *((name, name.lower()) for name in (
        "Adams", "Ahmed", "Almeida", "Andersen", "Baker", "Bauer", "Becker", "Berg", "Bianchi", "Brown", "Carter",
        "Chan", "Clark", "Costa", "Cruz", "Davies", "Diaz", "Dubois", "Eriksen", "Evans", "Fischer", "Fontaine",
        "Fox", "Garcia", "Gomez", "Gray", "Green", "Gupta", "Haas", "Hall", "Hansen", "Hoffman", "Hughes", "Ito",
        "Jansen", "Jensen", "Jones", "Kang", "Kaur", "Keller", "Khan", "Kim", "King", "Kowalski", "Kumar", "Lang",
        "Larsen", "Lee", "Lopez", "Martin", "Mendes", "Meyer", "Moreau", "Morgan", "Mori", "Nagy", "Nowak", "Okafor",
        "Olsen", "Park", "Patel", "Perez", "Petrov", "Reid", "Ricci", "Rossi", "Roy", "Santos", "Sato", "Schmidt",
        "Shah", "Silva", "Singh", "Smith", "Stone", "Suzuki", "Tanaka", "Taylor", "Torres", "Turner", "Vargas",
        "Virtanen", "Walker", "Weber", "White", "Wong", "Wright", "Young", "Zimmer",
    )),
    ("O'Brien", "obrien"), ("O’Neill", "oneill"), ("D'Angelo", "dangelo"), ("van der Berg", "vanderberg"),
    ("Müller", "mueller"), (_apart("Müller"), "mueller"), ("Núñez", "nunez"), (_apart("Gonçalves"), "goncalves"),
    ("Ångström", "angstrom"), ("Dvořák", "dvorak"), ("Иванова", "ivanova"), ("Παπαδοπούλου", "papadopoulou"),
    ("الحسن", "alhassan"), ("כהן", "cohen"), ("山田", "yamada"), ("李", "li"), ("김", "kim"), ("शर्मा", "sharma"),
    ("Garcia-Lopez", "garcia-lopez"), ("Trần", "tran"),
)

DEPARTMENTS = ("Engineering", "Sales", "Finance", "Legal", "People", "Support", "Marketing", "Operations", "Research")
TITLES = ("Engineer", "Analyst", "Manager", "Director", "Specialist", "Consultant", "Coordinator", "Designer")
PLACES = ("Berlin", "Lisbon", "Osaka", "Toronto", "Nairobi", "Austin", "Zürich", "São Paulo", "Haifa", "Warszawa")


def draw(rng: random.Random) -> tuple[str, str, str]:
    """A first name, a last name and the two as the local part of an e-mail address."""
    first, first_ascii = FIRST_NAMES[int(rng.random() * len(FIRST_NAMES))]
    last, last_ascii = LAST_NAMES[int(rng.random() * len(LAST_NAMES))]
    return first, last, f"{first_ascii}.{last_ascii}"


def group_name(number: int) -> str:
    """The name of the group with this number, counted from 0; every number has another name."""
    department = DEPARTMENTS[number % len(DEPARTMENTS)]
    round_ = number // len(DEPARTMENTS)
    if round_ == 0:
        return department
    place = PLACES[(round_ - 1) % len(PLACES)]
    lap = (round_ - 1) // len(PLACES)
    return f"{department} {place}" if lap == 0 else f"{department} {place} {lap + 1}"
