"""What the map says, in English and German."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from lastmile_net.credit import OSM_CREDIT
from lastmile_net.errors import DataError, Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["en", "de"]
LANGUAGES: tuple[str, ...] = get_args(Language)

_WORDS = {
    "title": ("Gap map", "Lückenkarte"),
    "customers": ("Customers", "Anschlussadressen"),
    "homes": ("Homes", "Wohneinheiten"),
    "cost": ("Cost", "Kosten"),
    "cost_per_home": ("Cost per home", "Kosten je Wohneinheit"),
    "gap": ("Proven gap to optimum", "Abstand zum Optimum"),
    "gap_chosen": ("Proven gap in cost, same homes", "Kostenabstand, gleiche Wohneinheiten"),
    "gap_best_homes": ("choice of homes proven", "Auswahl bewiesen"),
    "gap_same_homes": ("choice of homes not proven", "Auswahl nicht bewiesen"),
    "trench": ("Trench to dig", "Tiefbau"),
    "scope": (
        "Figures of area {area}; its cost: the shares of its homes. Pale: beside the area, not counted",
        "Zahlen des Gebiets {area}; seine Kosten: die Anteile seiner Wohneinheiten. "
        "Blass: neben dem Gebiet, nicht gezählt",
    ),
    "beside": ("Beside the area, not counted", "Neben dem Gebiet, nicht gezählt"),
    "served_today": ("connected today", "heute angeschlossen"),
    "served_plan": ("connected by this plan", "durch diesen Plan angeschlossen"),
    "not_served": ("stay unserved", "bleiben unversorgt"),
    "search": ("Address or id", "Adresse oder Kennung"),
    "nothing_found": ("Nothing found", "Nichts gefunden"),
    "view": ("Customers shown", "Adressen zeigen"),
    "view_plan": ("With the plan", "Mit dem Plan"),
    "view_today": ("Today", "Heute"),
    "view_phases": ("Phases", "Phasen"),
    "phase": ("Phase", "Phase"),
    "phase_homes": ("{n} homes", "{n} Wohneinheiten"),
    "phase_home": ("1 home", "1 Wohneinheit"),
    "phase_rest": ("all others", "alle übrigen"),
    "phase_none": ("In no phase: stays unserved", "In keiner Phase: bleibt unversorgt"),
    "layers": ("Layers", "Ebenen"),
    "legend": ("in view / total", "im Bild / gesamt"),
    "filter": ("Filter", "Filter"),
    "area": ("Area", "Gebiet"),
    "all_areas": ("All areas", "Alle Gebiete"),
    "most_per_home": ("Cost per home up to", "Kosten je Wohneinheit bis"),
    "any": ("any", "beliebig"),
    "reset": ("Reset", "Zurücksetzen"),
    "budget": ("Budget", "Budget"),
    "budget_homes": ("homes connected", "Wohneinheiten angeschlossen"),
    "budget_customers": ("customers connected by the plan", "Adressen durch den Plan angeschlossen"),
    "budget_bound": ("no plan could connect more than", "kein Plan schließt mehr an als"),
    "curve": ("Homes connected over cost", "Angeschlossene Wohneinheiten über Kosten"),
    "bound": ("proven upper bound", "bewiesene Obergrenze"),
    "later": ("Not within this budget", "Nicht in diesem Budget"),
    "print": ("Print", "Drucken"),
    "full_screen": ("Full screen", "Vollbild"),
    "copy_link": ("Copy link", "Link kopieren"),
    "copied": ("Copied", "Kopiert"),
    "fit": ("Whole plan", "Ganzer Plan"),
    "panel_name": ("Legend and figures", "Legende und Zahlen"),
    "panel": ("Show or hide the panel", "Seitenleiste ein- oder ausblenden"),
    "hexagons": ("Share of gaps in %; larger: more customers", "Anteil der Lücken in %; größer: mehr Adressen"),
    "hexagon_tip": (
        "Customers: {all}, gaps: {gaps} ({share} %)",
        "Adressen: {all}, Lücken: {gaps} ({share} %)",
    ),
    "hexagons_most": (
        "A hexagon shows what most in it are; larger: more customers",
        "Ein Sechseck zeigt, was die meisten darin sind; größer: mehr Adressen",
    ),
    "hexagon_tip_most": ("Customers: {all}, most of them: {most}", "Adressen: {all}, die meisten: {most}"),
    "unmapped": (
        "Customers without a usable location, not on the map: {n}",
        "Adressen ohne brauchbare Lage, nicht auf der Karte: {n}",
    ),
    "untold": (
        "Phases, too many to be told apart here: {n}",
        "Phasen, zu viele, um sie hier zu unterscheiden: {n}",
    ),
    "map_name": ("Map of the plan", "Karte des Plans"),
    "zoom_in": ("Zoom in", "Vergrößern"),
    "zoom_out": ("Zoom out", "Verkleinern"),
    "existing": ("Connected today", "Heute angeschlossen"),
    "planned": ("Connected by the plan", "Durch den Plan angeschlossen"),
    "unserved": ("Unserved", "Unversorgt"),
    "connected": ("Connected", "Angeschlossen"),
    "passed": ("Passed: network in the street", "Passiert: Netz liegt vor der Tür"),
    "unconnected": ("Unconnected", "Nicht angeschlossen"),
    "invalid_location": ("Gap: location not usable", "Lücke: Lage unbrauchbar"),
    "no_street_in_reach": ("Gap: no street in reach", "Lücke: keine Straße in Reichweite"),
    "street_island": ("Gap: street not tied in", "Lücke: Straße nicht angebunden"),
    "route_too_long": ("Gap: route too long", "Lücke: Weg zu lang"),
    "optical_budget": ("Gap: too much optical loss", "Lücke: Dämpfung zu hoch"),
    "no_free_port": ("Gap: no free port", "Lücke: kein freier Port"),
    "line_full": ("Gap: line full", "Lücke: Leitung voll"),
    "optical_unknown": ("Gap: optical loss unknown", "Lücke: Dämpfung unbekannt"),
    "over_budget": ("Gap: beyond budget or aim", "Lücke: jenseits von Budget oder Ziel"),
    "excluded": ("Gap: excluded", "Lücke: ausgeschlossen"),
    "streets": ("Streets", "Straßen"),
    "backbone_lines": ("Existing network", "Bestandsnetz"),
    "backbone_points": ("Existing points", "Bestandspunkte"),
    "trenches": ("Planned trenches", "Geplante Trassen"),
    "drops": ("Planned drops", "Geplante Hausanschlüsse"),
    "reused": ("Existing lines in use", "Genutzter Bestand"),
    "access_points": ("Access points", "Zugangspunkte"),
    "access_used": ("Access point in use (used / free ports)", "Zugangspunkt in Nutzung (belegte / freie Ports)"),
    "access_new": ("New access point (used / its ports)", "Neuer Zugangspunkt (belegte / alle Ports)"),
    "access_idle": ("Access point not used", "Zugangspunkt ungenutzt"),
    "taps": ("Taps on existing lines", "Anschlüsse an Bestandslinien"),
    "findings": ("Findings in the data", "Befunde in den Daten"),
    "error": ("Error: stops a plan", "Fehler: verhindert einen Plan"),
    "warning": ("Warning", "Warnung"),
    "info": ("Worth a look", "Hinweis"),
    "finding_code": ("Finding", "Befund"),
    "finding_severity": ("Severity", "Schwere"),
    "finding_layer": ("Layer", "Ebene"),
    "finding_rows": ("Rows", "Zeilen"),
    "finding_message": ("What", "Was"),
    "finding_customers": ("Customers concerned", "Betroffene Adressen"),
    "finding_metres": ("Metres", "Meter"),
    "finding_cure": ("Cure", "Abhilfe"),
    "width_note": ("wider: more homes behind it", "breiter: mehr Wohneinheiten dahinter"),
    "kind_street": ("Trench along a street", "Trasse an der Straße"),
    "kind_crossing": ("Street crossing", "Straßenquerung"),
    "kind_connector": ("Link to the network", "Verbindung zum Netz"),
    "feeder": ("Feeder", "Hauptkabel"),
    "distribution": ("Distribution", "Verteilnetz"),
    "duct": ("Duct", "Leerrohr"),
    "drop": ("Drop", "Hausanschluss"),
    "aerial": ("Aerial", "Freileitung"),
    "pop": ("PoP", "PoP"),
    "cabinet": ("Cabinet", "Verteiler"),
    "splitter": ("Splitter", "Splitter"),
    "closure": ("Closure", "Muffe"),
    "handhole": ("Handhole", "Schacht"),
    "pole": ("Pole", "Mast"),
    "customer_id": ("Id", "Kennung"),
    "units": ("Homes", "Wohneinheiten"),
    "status": ("Today", "Heute"),
    "outcome": ("With the plan", "Mit dem Plan"),
    "reason": ("Reason", "Grund"),
    "remedy": ("Remedy", "Abhilfe"),
    "remedy_cost": ("Cost with the remedy", "Kosten mit der Abhilfe"),
    "access_point_id": ("Access point", "Zugangspunkt"),
    "drop_m": ("Drop", "Hausanschluss"),
    "route_m": ("Route", "Weg"),
    "cost_share": ("Share of cost", "Kostenanteil"),
    "cost_alone": ("Alone it would cost", "Allein kostete er"),
    "build_order": ("Rank in building", "Baureihenfolge"),
    "area_id": ("Area", "Gebiet"),
    "trench_id": ("Id", "Kennung"),
    "length_m": ("Length", "Länge"),
    "surface": ("Surface", "Oberfläche"),
    "kind": ("Kind", "Art"),
    "backbone_id": ("Id", "Kennung"),
    "role": ("Role", "Rolle"),
    "ports_used": ("Ports the plan uses", "Vom Plan belegte Ports"),
    "ports_free": ("Free ports before", "Freie Ports vorher"),
    "type": ("Kind", "Bauart"),
    "fed_from": ("Fed from", "Gespeist von"),
    "units_free": ("Spare capacity", "Freie Kapazität"),
    "loss_db": ("Loss up to here", "Dämpfung bis hier"),
    "to_node": ("To", "Nach"),
    "nothing_unserved": ("Nobody stays unserved", "Niemand bleibt unversorgt"),
    "today_bar": ("Today", "Heute"),
    "plan_bar": ("With the plan", "Mit dem Plan"),
    "homes_axis": ("Homes", "Wohneinheiten"),
    "gaps_by_reason": ("Customers that stay unserved, by reason", "Unversorgte Adressen nach Grund"),
    "paper": ("Made with lastmile_net", "Erstellt mit lastmile_net"),
    "osm": (OSM_CREDIT["en"], OSM_CREDIT["de"]),
}


def words(language: str) -> dict[str, str]:
    """
    Return everything the map says in `language`, by key.

    Raises
    ------
    DataError
        If the language is not spoken.

    Examples
    --------
    >>> words("de")["homes"]
    'Wohneinheiten'
    """
    if language not in LANGUAGES:
        raise DataError([Fault(f"no language '{language}'", f"Known are {', '.join(LANGUAGES)}.", setting="language")])
    column = LANGUAGES.index(language)
    return {key: both[column] for key, both in _WORDS.items()}


def heading(says: Mapping[str, str], *, title: str = "", name: str = "", area: str | None = None) -> str:
    """
    Return the heading of a map: its title, else what it is, of which plan and of which area of it.

    Examples
    --------
    >>> heading(words("en"), name="neustadt", area="north")
    'Gap map: neustadt · north'
    """
    of_plan = f"{says['title']}: {name}" if name else says["title"]
    return title or (f"{of_plan} · {area}" if area else of_plan)
