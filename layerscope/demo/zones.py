"""Names of time zones and of certificate authorities."""

from __future__ import annotations

from layerscope.demo.dice import words

_ZONES = {
    "Africa": """
        Abidjan Addis_Ababa Algiers Cairo Casablanca Dakar Dar_es_Salaam Harare Johannesburg
        Kampala Khartoum Kinshasa Lagos Luanda Maputo Mogadishu Nairobi Tripoli Tunis Windhoek""",
    "America": """
        Adak Anchorage Argentina/Buenos_Aires Argentina/Cordoba Asuncion Bahia Bogota Caracas
        Chicago Costa_Rica Denver Detroit Edmonton Guatemala Guayaquil Halifax Havana
        Indiana/Indianapolis Jamaica Juneau La_Paz Lima Los_Angeles Manaus Mexico_City
        Montevideo New_York Nuuk Panama Phoenix Puerto_Rico Santiago Santo_Domingo Sao_Paulo
        St_Johns Tijuana Toronto Vancouver Whitehorse Winnipeg""",
    "Antarctica": "Casey Davis Mawson Palmer Troll Vostok",
    "Asia": """
        Almaty Amman Baghdad Baku Bangkok Beirut Colombo Damascus Dhaka Dubai Gaza Ho_Chi_Minh
        Hong_Kong Irkutsk Jakarta Jerusalem Kabul Kamchatka Karachi Kathmandu Kolkata
        Krasnoyarsk Macau Manila Nicosia Novosibirsk Pyongyang Qatar Riyadh Seoul Shanghai
        Singapore Taipei Tashkent Tbilisi Tehran Tokyo Ulaanbaatar Vladivostok Yangon
        Yekaterinburg Yerevan""",
    "Atlantic": "Azores Bermuda Canary Cape_Verde Faroe Madeira Reykjavik",
    "Australia": "Adelaide Brisbane Darwin Hobart Melbourne Perth Sydney",
    "Etc": "GMT UTC GMT+1 GMT+12 GMT+6 GMT-1 GMT-14 GMT-6",
    "Europe": """
        Amsterdam Athens Belgrade Berlin Brussels Bucharest Budapest Chisinau Copenhagen Dublin
        Helsinki Istanbul Kyiv Lisbon London Luxembourg Madrid Malta Minsk Moscow Oslo Paris
        Prague Riga Rome Sofia Stockholm Tallinn Vienna Vilnius Warsaw Zurich""",
    "Indian": "Antananarivo Maldives Mauritius Reunion",
    "Pacific": """
        Apia Auckland Fiji Galapagos Guam Honolulu Kiritimati Noumea Pago_Pago Palau
        Port_Moresby Tahiti Tongatapu""",
}
ZONES = tuple(f"{region}/{name}" for region, names in _ZONES.items() for name in names.split())

ZONE_ALIASES = {
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "America/Indianapolis": "America/Indiana/Indianapolis",
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Saigon": "Asia/Ho_Chi_Minh",
    "Asia/Tel_Aviv": "Asia/Jerusalem",
    "Brazil/East": "America/Sao_Paulo",
    "Canada/Eastern": "America/Toronto",
    "Cuba": "America/Havana",
    "Egypt": "Africa/Cairo",
    "Eire": "Europe/Dublin",
    "Europe/Kiev": "Europe/Kyiv",
    "GB": "Europe/London",
    "GMT": "Etc/GMT",
    "Greenwich": "Etc/GMT",
    "Hongkong": "Asia/Hong_Kong",
    "Iceland": "Atlantic/Reykjavik",
    "Israel": "Asia/Jerusalem",
    "Jamaica": "America/Jamaica",
    "Japan": "Asia/Tokyo",
    "Libya": "Africa/Tripoli",
    "NZ": "Pacific/Auckland",
    "Navajo": "America/Denver",
    "PRC": "Asia/Shanghai",
    "Poland": "Europe/Warsaw",
    "Portugal": "Europe/Lisbon",
    "ROK": "Asia/Seoul",
    "Singapore": "Asia/Singapore",
    "Turkey": "Europe/Istanbul",
    "US/Alaska": "America/Anchorage",
    "US/Central": "America/Chicago",
    "US/Eastern": "America/New_York",
    "US/Mountain": "America/Denver",
    "US/Pacific": "America/Los_Angeles",
    "UTC": "Etc/UTC",
    "Universal": "Etc/UTC",
    "Zulu": "Etc/UTC",
}

AUTHORITIES = words(
    """
    ACCVRAIZ1 Actalis_Authentication_Root_CA AffirmTrust_Commercial AffirmTrust_Premium
    Amazon_Root_CA_1 Amazon_Root_CA_3 Atos_TrustedRoot_2011 Buypass_Class_3_Root_CA
    COMODO_Certification_Authority Certigna Certum_Trusted_Root_CA DigiCert_Assured_ID_Root_G2
    DigiCert_Global_Root_G2 DigiCert_Trusted_Root_G4 Entrust_Root_Certification_Authority
    GTS_Root_R1 GTS_Root_R4 GlobalSign_ECC_Root_CA_-_R5 GlobalSign_Root_CA
    Go_Daddy_Root_Certificate_Authority_-_G2 HARICA_TLS_RSA_Root_CA_2021 Hongkong_Post_Root_CA_3
    ISRG_Root_X1 ISRG_Root_X2 IdenTrust_Commercial_Root_CA_1 Izenpe.com
    Microsec_e-Szigno_Root_CA_2009 Microsoft_RSA_Root_Certificate_Authority_2017
    NetLock_Arany_=Class_Gold=_Főtanúsítvány OISTE_WISeKey_Global_Root_GB_CA
    QuoVadis_Root_CA_2_G3 SSL.com_TLS_RSA_Root_CA_2022 SZAFIR_ROOT_CA2 SecureTrust_CA
    SwissSign_Gold_CA_-_G2 T-TeleSec_GlobalRoot_Class_3 TWCA_Global_Root_CA Telia_Root_CA_v2
    TunTrust_Root_CA USERTrust_RSA_Certification_Authority certSIGN_ROOT_CA
    e-Szigno_Root_CA_2017 emSign_Root_CA_-_G1 vTrus_Root_CA
    """
)
