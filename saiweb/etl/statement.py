"""What a model's free text states, in English or Spanish: risk, confidence, smoke, flames.

Only what is plainly said counts. The first label with a readable level wins over later ones and over prose; a template
that lists the levels, a negation, a condition or a guess states nothing. Smoke and flames: True needs a mention without
doubt, False a plain negation and no mention of another kind; everything else stays unknown.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from saiweb.levels import RISK_LEVELS, RiskLevel, higher

MAX_TEXT_CHARS: Final = 20_000
_NEAR_CHARS: Final = 300
_MAX_MENTIONS: Final = 200

_WORDS: Final[dict[RiskLevel, str]] = {
    "none": "none|nil|nulo|nula|ninguno|ninguna|inexistente",
    "low": "low|bajo|baja|minimal|minimo|minima|leve",
    "medium": "medium|moderate|mid|medio|media|moderado|moderada|intermedio|intermedia",
    "high": "high|alto|alta|elevado|elevada|severe|severo|severa",
    "critical": "critical|critico|critica|extreme|extremo|extrema",
}
_LEVEL_OF: Final[dict[str, RiskLevel]] = {word: level for level in RISK_LEVELS for word in _WORDS[level].split("|")}
_LEVEL: Final = rf"(?:{'|'.join(_WORDS.values())})(?!\w)"
_MODIFIER: Final = (
    r"(?:(?:very|quite|rather|fairly|relatively|extremely|currently|still|only"
    r"|muy|bastante|relativamente|actualmente)\s+){0,3}"
)
_VALUE: Final = rf"{_MODIFIER}(?P<level>{_LEVEL})"
_OF_FIRE: Final = (
    r"(?:\s+(?:of|for|de)\s+(?:an?\s+|un\s+)?(?:wild\s?|forest\s+)?(?:fire|incendio|fuego)s?(?:\s+forestal(?:es)?)?)?"
)
_LABEL: Final = (
    r"(?<!\w)(?:risk[\s-]*(?:level|rating|assessment|category|classification|evaluation|status)"
    r"|(?:nivel|clasificacion|evaluacion|categoria)\s+(?:del?\s+)?(?:riesgo|peligro|alerta)"
    r"|(?:alert|severity|danger|threat)[\s-]*level|severity|risk|riesgo)(?!\w)" + _OF_FIRE
)
_LABELLED: Final = re.compile(
    rf"{_LABEL}\s*(?:\([^)\n]{{0,120}}\)\s*)?(?:[:=|]|->|=>|\s[-–—](?=\s))[^\w|]{{0,12}}"
    rf"(?:(?:is|es|level|nivel)\s*:?\s*)?(?P<rest>[^\n]*)"
)
_IN_BRACKETS: Final = re.compile(rf"{_LABEL}\s*\(\s*{_VALUE}\s*\)")
_FIRST_VALUE: Final = re.compile(_VALUE)
_NO_RISK: Final = re.compile(
    r"(?:no|sin|no hay|there is no|ningun)\s+(?:fire\s+|wildfire\s+)?(?:risk|riesgo)\s*(?:$|[.;,)}\]])"
)
_NO_RISK_IN_PROSE: Final = re.compile(
    rf"(?<!\w)(?:no|sin|no hay)\s+(?:fire\s+|wildfire\s+)?(?:risk|riesgo){_OF_FIRE}\s*(?=$|[.;\n])"
)
_NEXT_OPTION: Final = re.compile(rf"\s*(?P<joint>[|/,]|(?<=\w)-(?=\w)|\b(?:or|to|o|a|u)\b)\s*{_VALUE}")
_NOT_A_VALUE: Final = re.compile(
    r"\s+(?:of|can|could|cannot|given|provided|available|determined|assigned|applicable|specified|stated|"
    r"puede|se puede|disponible|determinad[oa])\b|-\w"
)
_VERB: Final = r"(?:is|es|appears?|seems?|looks?|remains?|parece|se considera|as|como|esta)"
_FILLER: Final = (
    r"(?:(?:to\s+be|ser|considered|considerado|assessed|rated|classified|clasificado"
    r"|as|como|at|a|de|en|nivel|level)\s+){0,5}"
)
_PROSE: Final = (
    re.compile(rf"{_LABEL}\s+{_VERB}\s+{_FILLER}{_VALUE}"),
    re.compile(
        rf"{_LABEL}\s+(?:(?:assessed|rated|classified|considered|clasificado|considerado)\s+(?:(?:as|at|como)\s+)?)?{_VALUE}"
    ),
    re.compile(rf"(?<!\w){_VALUE}[\s-]+(?:level\s+of\s+|(?:wild)?fire\s+|forest\s+fire\s+)?(?:risk|riesgo)(?!\w)"),
)
_AREA: Final = re.compile(
    r"\s+(?:areas?|zones?|zonas?|season|regions?|factors?|hours?|temporada|region|weather|days?)\b"
)
_UNREAL: Final = re.compile(
    r"\b(?:no|not|never|neither|nor|without|sin|ni|nunca|cannot|could|might|may|podria|puede|would"
    r"|rather than|unable)\b|n't\b"
)
_CONDITION: Final = re.compile(r"\b(?:if|unless|when|whether|in case|cuando|en caso|si)\b")

_NUMBER: Final = r"(?P<number>\d{1,3}(?:[.,]\d+)?|[.,]\d+)"
_SCALE: Final = (
    r"(?P<scale>\s*(?:%|percent\b|por\s?ciento\b|(?:/|out\s+of|de|of|sobre)\s*(?P<top>10|100|1|5)(?![\d.,]*\d)))?"
)
_NO_RANGE: Final = r"(?![\w.,]*\d)(?!\s*(?:-|–|to|a)\s*\d)"
_CONFIDENCE_LABELLED: Final = re.compile(
    r"(?<!\w)(?:confidence|confianza|certainty|certeza|seguridad)(?:[\s-]*(?:score|level|rating|puntaje))?"
    r"\s*(?:\([^)\n]{0,60}\)\s*)?(?:(?:[:=|]|\bis\b|\bof\b|\bes\b|\bde(?:l)?\b|\bat\b|\(|-|–)[^\w\n<.,\-]{0,6}|(?<=\s))"
    rf"(?P<minus>-)?{_NUMBER}{_NO_RANGE}{_SCALE}"
)
_CONFIDENCE_IN_PROSE: Final = re.compile(
    rf"(?<![\w.,-]){_NUMBER}{_NO_RANGE}\s*(?P<scale>(?:%|percent|por\s?ciento))(?P<top>)\s*(?:de\s+)?"
    r"(?:confiden(?:t|ce)|sure|certain|confianza|certeza|segur[oa])"
)

_SMOKE: Final = r"(?:smoke|humo|humareda)"
_FLAME: Final = r"(?:flames?|(?:wild)?fires?|llamas?|fuegos?|incendios?)"
_NO_SIGN_AFTER: Final = (
    r"(?![\s-]*(?:smoke|free|less|detectors?|alarms?|risk|hazard|danger|season|weather|break|truck|fighters?|station|level|"
    r"prevention|monitoring|detection|safety|watch|tower|department|camera)\b)"
)
_NO_SIGN_BEFORE: Final = re.compile(
    r"\b(?:risk|riesgo|peligro|danger|potential|probability|probabilidad|likelihood|chance)\s+(?:of|de|for|del?)\s+(?:an?\s+|un\s+)?$"
)
_YES: Final = re.compile(
    r"(?:\s+(?:detected|present|visible|presence|detectad[oa]s?|presentes?))?\s*[:=]\s*(?:true|yes|si|present|visible|detected|detectad[oa])\b(?!\s*[/|])"
)
_NO: Final = re.compile(
    r"(?:\s+(?:detected|present|visible|presence|detectad[oa]s?|presentes?))?\s*[:=]\s*"
    r"(?:false|no|none|absent|not\s+(?:visible|present|detected)|ningun[oa]?|ausentes?)\b"
    r"(?!\s*[/|])(?!\s+(?:doubt|se descarta))"
)
_NEGATED_AFTER: Final = re.compile(
    r"\s+(?:(?:is|are)\s+not\s+(?:visible|present|detected|seen|observed|apparent|evident)|(?:is|are)\s+absent)\b"
)
_NEGATED_BEFORE: Final = re.compile(
    r"(?<![\w'])(?:no|sin|without|nor|ni|neither|zero|ningun[oa]?s?|absence\s+of|ausencia\s+de|lack\s+of|free\s+of|libre\s+de|"
    r"not\s+(?:see|detect|observe|find|show)(?:\s+any)?|no\s+(?:se\s+)?(?:observan?|ven?|detectan?|aprecian?|hay|existen?))\s+"
    r"(?:(?:visible|apparent|obvious|clear|evident|active|open|any|hay|de|of|signs?|evidence|traces?|indications?|presence|"
    r"presencia|senales|signos|indicios|rastros|evidencia|columnas?|columns?|plumes?|smoke|humo|flames?|fires?|llamas|fuego|"
    r"incendios?|or|nor|ni|o|,\s*(?:or|nor|ni|o))\s*[\s/]\s*){0,12}$"
)
_RETRACTION: Final = re.compile(r"\b(?:actually|on second thought|correction|looking again|en realidad|mejor dicho)\b")
#: "Smoke from a fire" is a conclusion; flames are what is seen.
_FIRE: Final = re.compile(r"(?:wild)?fire|incendio")
_SEEN: Final = re.compile(
    r"\b(?:active|open|visible|burning|activo)\s+\||\|\s+(?:(?:is|are)\s+)?(?:visible|burning|seen|activo)\b"
)
_DOUBT: Final = re.compile(
    r"\b(?:no|not|sin|ni|never|without|possibl[ey]|posibles?|posiblemente|probabl\w+|may|might|could|would|podrian?"
    r"|pueden?|perhaps|maybe|quizas?|tal vez|likely|unlikely|appears?|seems?|parecen?|suspect\w*|sospech\w*"
    r"|potential\w*|unclear|uncertain|unsure|resembl\w+|similar|like|cannot|unable|sure|rule|descart\w+|instead"
    r"|rather|if|whether|unless|in case|en caso|monitor\w*|check|look for|buscar|analy[sz]e|detect|true|false|yes|or)\b"
    r"|n't\b|\?|[/|<>]"
)
_CONDITION_OF_SIGN: Final = re.compile(
    r"\b(?:if|unless|whether|in case|en caso|cannot|can't|unable|sure|certain|could|might|may|podria|pued[eo]n?|podemos"
    r"|descart\w*|rule[sd]?|exclu\w*|guarantee|confirm\w*)\b"
)
_EXCEPTION: Final = re.compile(
    r"\b(?:except|other than|aside from|apart from|besides|salvo|excepto|aparte de|only|until|yet)\b"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a text says; None: it does not say it plainly."""

    risk: RiskLevel | None
    confidence: float | None
    smoke: bool | None
    flame: bool | None


def read(text: str) -> Statement:
    """Read a model's answer."""
    plain = _plain(text[:MAX_TEXT_CHARS])
    return Statement(
        risk=_risk(plain),
        confidence=_confidence(plain),
        smoke=_sign(plain, _SMOKE),
        flame=_sign(plain, _FLAME),
    )


def level_of(word: str) -> RiskLevel | None:
    """Return the level that a single word names; None: no word for a level."""
    return _LEVEL_OF.get(_plain(word).strip())


def _plain(text: str) -> str:
    """Fold case, accents and markup; a reasoning model's thoughts are not its answer."""
    text = re.sub(r"<think>.*?(?:</think>|\Z)", " ", text, flags=re.DOTALL | re.IGNORECASE)
    folded = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    folded = "".join(letter for letter in folded if not unicodedata.combining(letter))
    folded = re.sub(r"\\+n|\r", "\n", folded)
    folded = re.sub(r"[*`\"“”«»#_]|(?<!\w)'|'(?!\w)", " ", folded)
    return re.sub(r"[ \t\xa0]+", " ", folded)


def _risk(plain: str) -> RiskLevel | None:
    is_refused = False
    for found in _LABELLED.finditer(plain):
        rest = found["rest"].lstrip()
        level = _value_at(rest)
        if level is not None:
            return level
        is_refused = is_refused or 0 < len(re.findall(r"[\w/]+", rest)) <= 3 or "|" in rest
    bracketed = _IN_BRACKETS.search(plain)
    if bracketed:
        return _LEVEL_OF[bracketed["level"]]
    return None if is_refused else _risk_in_prose(plain)


def _value_at(rest: str) -> RiskLevel | None:
    """Read a level at the beginning of a text: one word, or the higher end of a range of two."""
    rest = rest.lstrip("<[({' ")
    if _NO_RISK.match(rest):
        return "none"
    first = _FIRST_VALUE.match(rest)
    if first is None:
        return None
    levels: list[RiskLevel] = [_LEVEL_OF[first["level"]]]
    joints, end = "", first.end()
    while option := _NEXT_OPTION.match(rest, end):
        levels.append(_LEVEL_OF[option["level"]])
        joints += option["joint"]
        end = option.end()
    if "|" in joints or len(set(levels)) > 2:
        return None
    if len(levels) == 1 or "," in joints:
        return None if _NOT_A_VALUE.match(rest, first.end()) else levels[0]
    return higher(levels[0], levels[-1])


def _risk_in_prose(plain: str) -> RiskLevel | None:
    found = sorted((match for pattern in _PROSE for match in pattern.finditer(plain)), key=lambda match: match.start())
    for match in found:
        if _is_real(plain, match.start()) and not _AREA.match(plain, match.end()):
            level = _value_at(plain[match.start("level") :])
            if level is not None:
                return level
    if any(_is_real(plain, match.start()) for match in _NO_RISK_IN_PROSE.finditer(plain)):
        return "none"
    return _only_word(plain)


def _only_word(plain: str) -> RiskLevel | None:
    """Read an answer of one word; a bare "none" may mean anything."""
    level = _LEVEL_OF.get(plain.strip(" .!\n"))
    return level if level != "none" else None


def _is_real(plain: str, start: int) -> bool:
    """Tell whether what begins here is said as a fact: not denied in its clause, not conditional in its sentence."""
    sentence = re.split(r"[.;:!?\n]", plain[max(0, start - _NEAR_CHARS) : start])[-1]
    clause = re.split(r",|\b(?:and|y|so|but|pero|therefore|por lo que|aunque|although)\b", sentence)[-1]
    clause = re.sub(r"\bwould (?:say|rate|assess|estimate|classify|consider)\b", " ", clause)
    return not _UNREAL.search(clause) and not _CONDITION.search(sentence)


def _confidence(plain: str) -> float | None:
    for pattern in (_CONFIDENCE_LABELLED, _CONFIDENCE_IN_PROSE):
        for found in pattern.finditer(plain):
            value = _fraction(found)
            if value is not None:
                return value
    return None


def _fraction(found: re.Match[str]) -> float | None:
    """Bring 0.91, 0,91, 91 %, 9/10 and a bare 91 to 0..1; a bare 2 to 10 may mean anything."""
    if found.groupdict().get("minus"):
        return None
    number = (
        float("0" + found["number"].replace(",", "."))
        if found["number"][0] in ".,"
        else float(found["number"].replace(",", "."))
    )
    if found["top"]:
        number /= float(found["top"])
    elif found["scale"] or (number > 10 and number.is_integer()):
        number /= 100
    return round(number, 6) if 0 <= number <= 1 else None


def _sign(plain: str, pattern: str) -> bool | None:
    said = set(itertools.islice(_mentions(plain, pattern), _MAX_MENTIONS))
    if _RETRACTION.search(plain):
        said.add(None)
        said.discard(True)
    if said <= {True, None} and True in said:
        return True
    return False if said == {False} else None


def _mentions(plain: str, pattern: str) -> Iterator[bool | None]:
    """Yield for each mention: True (said), False (plainly denied), None (doubtful)."""
    mention = re.compile(rf"(?<![\w-]){pattern}(?!\w){_NO_SIGN_AFTER}")
    for sentence in re.findall(r"[^.;!?\n]+[?]?", plain):
        for clause in re.split(r"\b(?:but|pero|however|although|though|aunque)\b", sentence):
            for found in mention.finditer(clause):
                before = clause[max(0, found.start() - _NEAR_CHARS) : found.start()]
                after = clause[found.end() : found.end() + _NEAR_CHARS]
                if not _NO_SIGN_BEFORE.search(before):
                    said = _said(before, after, is_question=sentence.endswith("?"))
                    is_seen = not _FIRE.match(found[0]) or _YES.match(after) or _SEEN.search(f"{before}|{after}")
                    yield said if is_seen or said is False else None


def _said(before: str, after: str, *, is_question: bool) -> bool | None:
    if _YES.match(after):
        return True
    if _NO.match(after):
        return False
    if _NEGATED_BEFORE.search(before) or _NEGATED_AFTER.match(after):
        rest = before + after
        return None if _EXCEPTION.search(rest) or _CONDITION_OF_SIGN.search(rest) or is_question else False
    directly, _, later = after.partition(",")
    return None if is_question or _DOUBT.search(before + directly) or _DOUBT.match(later.lstrip()) else True
