"""Databases of places in MaxMind's format, made for tests: `python -m parts.places FILE` writes the one that the Swift tests read."""

import sys

from mmdb_writer import MMDBWriter
from netaddr import IPSet

LISBON, ROTTERDAM, SAO_PAULO = "5.1.0.7", "5.2.0.7", "5.3.0.7"
VPN, MOBILE, COUNTRY_ONLY, SCRIPT, PARIS = "5.4.0.7", "5.5.0.7", "5.6.0.7", "5.7.0.7", "2a00:1::7"


def city(country, name, latitude, longitude, radius, network, network_name, **more):
    return {"country": {"iso_code": country, "names": {"en": country}}, "city": {"names": {"en": name}},
            "location": {"latitude": latitude, "longitude": longitude, "accuracy_radius": radius},
            "autonomous_system_number": network, "autonomous_system_organization": network_name} | more


PLACES = {
    "5.1.0.0/16": city("PT", "Lisbon", 38.7223, -9.1393, 20, 3243, "Example Portugal", subdivisions=[{"names": {"en": "Lisbon"}}]),
    "5.2.0.0/16": city("NL", "Rotterdam", 51.9225, 4.4792, 20, 1136, "Example Nederland", subdivisions=[{"names": {"en": "South Holland"}}]),
    "5.3.0.0/16": city("BR", "São Paulo", -23.5475, -46.6361, 50, 27699, "Example Brasil"),
    "5.4.0.0/16": city("US", "Ashburn", 39.0437, -77.4875, 20, 64501, "Example Tunnels", is_anonymous_vpn=True),
    "5.5.0.0/16": city("FI", "Helsinki", 60.1699, 24.9384, 20, 1759, "Example Mobile", connection_type="Cellular"),
    "5.6.0.0/16": {"country": {"iso_code": "DE", "names": {"en": "Germany"}}},
    "5.7.0.0/16": city("GB", "<script>throw 'place'</script>", 51.5, -0.12, 20, 64502, "<img src=x onerror=alert(1)>"),
    "2a00:1::/32": city("FR", "Paris", 48.8566, 2.3522, 20, 5410, "Example France"),
}


def write(path, places=PLACES, **settings):
    """Later ones win over earlier ones."""
    writer = MMDBWriter(6, "Test-City", languages=["en"], description="made for tests", ipv4_compatible=True, float_type="f64", **settings)
    for network, record in places.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))


if __name__ == "__main__":
    write(sys.argv[1])
