"""Free text in English and Spanish says what it says, and no more."""

import time

import pytest

from saiweb.etl.statement import level_of, read


@pytest.mark.parametrize(
    ("text", "risk"),
    [
        ("RISK_LEVEL: HIGH", "high"),
        ("**RISK_LEVEL:** MEDIUM", "medium"),
        ("Risk Level - low", "low"),
        ("RISK_LEVEL = `CRITICAL`", "critical"),
        ("RISK_LEVEL HIGH", "high"),
        ("## Risk Level\n\n**HIGH**", "high"),
        ("| Risk level | High | Confidence | 80% |", "high"),
        ("🔥 Risk: 🔴 HIGH", "high"),
        ('```json\n{"risk_level": "high"}\n```', "high"),
        ('{"analysis": {"risk": {"level": "critical"}}}', "critical"),
        ("RISK_LEVEL (NONE, LOW, MEDIUM, HIGH): LOW", "low"),
        ("Risk level (high)", "high"),
        ("NIVEL_DE_RIESGO: ALTO", "high"),
        ("Nivel de riesgo: medio (confianza: 68 %)", "medium"),
        ("nivel de riesgo: CRÍTICO", "critical"),
        ("Nivel de riesgo: ninguno", "none"),
        ("Riesgo de incendio: bajo", "low"),
        ("RISK_LEVEL: NONE", "none"),
        ("I would say the risk is low, though not zero.", "low"),
        ("The fire risk appears to be moderate", "medium"),
        ("Overall risk level assessed as high", "high"),
        ("El riesgo es muy alto.", "high"),
        ("Hay alto riesgo de incendio", "high"),
        ("No flames are visible, so the risk is low", "low"),
        ("There is no smoke. No risk.", "none"),
        ("Sin riesgo", "none"),
        ("HIGH", "high"),
        ("RISK_LEVEL: low to medium", "medium"),
        ("riesgo: medio-alto", "high"),
        ("Risk: low, high winds", "low"),
        ("RISK_LEVEL: HIGH\n...\nRISK_LEVEL: LOW", "high"),
        ("RISK_LEVEL: <NONE|LOW|HIGH>\nRISK_LEVEL: LOW", "low"),
        ("<think>RISK_LEVEL: HIGH</think>RISK_LEVEL: LOW", "low"),
        ("Risk assessment: The risk is low", "low"),
    ],
)
def test_a_stated_risk_is_read(text: str, risk: str) -> None:
    assert read(text).risk == risk


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "none",
        "I cannot analyse this image.",
        "RISK_LEVEL: <NONE|LOW|MEDIUM|HIGH>",
        "RISK_LEVEL: NONE|LOW|MEDIUM|HIGH",
        "RISK_LEVEL: none, low, medium or high",
        "RISK_LEVEL: NOT HIGH",
        "RISK_LEVEL: UNKNOWN. This is a high risk area",
        "RISK_LEVEL: None can be determined",
        "risk_level: null",
        "risk_level: 3",
        "RISK_LEVEL: N/A",
        "The risk is not high.",
        "The risk isn't low.",
        "This is not a high risk",
        "No es de alto riesgo",
        "No high risk",
        "If the wind rises, the risk is high",
        "The risk could be high",
        "This is a high-risk area",
        "No risk level can be given",
        "There is no risk assessment possible",
        "The risk level cannot be determined. CONFIDENCE: LOW",
        "<think>RISK_LEVEL: NONE",
    ],
)
def test_what_states_no_risk_is_unknown(text: str) -> None:
    assert read(text).risk is None


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        ("CONFIDENCE: 0.87", 0.87),
        ("CONFIDENCE: .98", 0.98),
        ("CONFIANZA: 0,91", 0.91),
        ("**CONFIDENCE:** 72%", 0.72),
        ("confianza: 68 %", 0.68),
        ("Confidence: 98.5%", 0.985),
        ("Confidence: 8/10", 0.8),
        ("confianza: 9 de 10", 0.9),
        ("Nivel de riesgo: medio (confianza 7/10).", 0.7),
        ("confidence 0.55", 0.55),
        ("Confidence: 85", 0.85),
        ("Confidence (0-1): 0.8.", 0.8),
        ('"confidence_score": 1,', 1.0),
        ("I'm about 60% confident.", 0.6),
        ("con un 80 % de confianza", 0.8),
        ("CONFIDENCE: 0.81 ... CONFIDENCE: 0.55", 0.81),
        ("CONFIDENCE: <0.0-1.0>", None),
        ("CONFIDENCE: 0.0-1.0", None),
        ("confidence: 70-80%", None),
        ("confidence: 1.02", None),
        ("confidence: 120%", None),
        ("confidence: -0.5", None),
        ("Confidence: 8", None),
        ("CONFIDENCE: HIGH", None),
        ("Risk 0.7", None),
    ],
)
def test_confidence_is_read_in_the_ways_it_is_written(text: str, confidence: float | None) -> None:
    assert read(text).confidence == confidence


@pytest.mark.parametrize(
    ("text", "smoke", "flame"),
    [
        ("A dense column of grey smoke rises", True, None),
        ("Se observa una columna de humo densa, con posible foco ígneo", True, None),
        ("Active flames and smoke on the hillside", True, True),
        ("Hay humo y llamas", True, True),
        ("Open flames.", None, True),
        ("No smoke or flames visible", False, False),
        ("no se observa humo ni llamas", False, False),
        ("I do not see any smoke.", False, None),
        ("sin humo", False, None),
        ("No evidence of fire", None, False),
        ("Smoke is not visible", False, None),
        ("Smoke: none. Flames: yes", False, True),
        ('{"smoke": false, "flame": true}', False, True),
    ],
)
def test_signs_that_are_plainly_there_or_not_are_read(text: str, smoke: bool | None, flame: bool | None) -> None:
    assert (read(text).smoke, read(text).flame) == (smoke, flame)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Normal scene",
        "possibly smoke",
        "podría ser humo",
        "Smoke: light plume (possible)",
        "It might be fog, or smoke",
        "fog or smoke",
        "This is not smoke",
        "I cannot see any smoke or flames",
        "no puedo descartar humo ni llamas",
        "no doubt smoke, no doubt flames",
        "no smoke except on the left",
        "Smoke: yes/no\nFlames: yes/no",
        "Is there smoke or fire?",
        "No smoke. Smoke behind the ridge.",
        "smoke... Actually, that is a cloud.",
        "low risk of fire, fire risk: low",
        "smoke detector, smoke-free, firefighters",
        "If there is no smoke, call nobody",
        "Not sure whether there is no smoke",
    ],
)
def test_signs_that_are_doubtful_stay_unknown(text: str) -> None:
    assert (read(text).smoke, read(text).flame) == (None, None)


def test_flames_after_a_denied_smoke_are_never_denied() -> None:
    assert read("No smoke, flames rise on the ridge").flame is not False
    assert read("no smoke and flames everywhere").flame is not False
    assert read("not only smoke but flames").flame is not False


def test_single_words_are_levels_in_both_languages() -> None:
    assert [level_of(word) for word in ("HIGH", "moderate", "Crítico", "baja")] == ["high", "medium", "critical", "low"]
    assert level_of("catastrophic") is None
    assert level_of("") is None


SLOW = ["no smoke ", "risk ", "risk: ", "high ", "no ", "(", "confidence: ", "a", " ", "/", "risk is very ", "<think>"]
SLOWER = [
    "risk\n",
    "risk level\n\n",
    "very ",
    "risk (",
    "risk is as a at ",
    "low or ",
    "no visible ",
    "1.",
    "confidence 1 ",
    "'",
]


@pytest.mark.parametrize("unit", SLOW + SLOWER)
def test_a_text_made_to_be_slow_is_read_in_time(unit: str) -> None:
    text = unit * (40_000 // len(unit))
    started = time.perf_counter()
    read(text)
    assert time.perf_counter() - started < 1.0
