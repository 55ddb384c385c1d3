"""Codes and English names of languages: all of ISO 639-1, and the language model's others of ISO 639-3."""

from __future__ import annotations

_ISO_639_1 = """
aa Afar;ab Abkhazian;ae Avestan;af Afrikaans;ak Akan;am Amharic;an Aragonese;ar Arabic;as Assamese;av Avaric;
ay Aymara;az Azerbaijani;ba Bashkir;be Belarusian;bg Bulgarian;bi Bislama;bm Bambara;bn Bengali;bo Tibetan;
br Breton;bs Bosnian;ca Catalan;ce Chechen;ch Chamorro;co Corsican;cr Cree;cs Czech;cu Church Slavic;cv Chuvash;
cy Welsh;da Danish;de German;dv Divehi;dz Dzongkha;ee Ewe;el Greek;en English;eo Esperanto;es Spanish;et Estonian;
eu Basque;fa Persian;ff Fulah;fi Finnish;fj Fijian;fo Faroese;fr French;fy Western Frisian;ga Irish;
gd Scottish Gaelic;gl Galician;gn Guarani;gu Gujarati;gv Manx;ha Hausa;he Hebrew;hi Hindi;ho Hiri Motu;hr Croatian;
ht Haitian;hu Hungarian;hy Armenian;hz Herero;ia Interlingua;id Indonesian;ie Interlingue;ig Igbo;ii Sichuan Yi;
ik Inupiaq;io Ido;is Icelandic;it Italian;iu Inuktitut;ja Japanese;jv Javanese;ka Georgian;kg Kongo;ki Kikuyu;
kj Kuanyama;kk Kazakh;kl Kalaallisut;km Khmer;kn Kannada;ko Korean;kr Kanuri;ks Kashmiri;ku Kurdish;kv Komi;
kw Cornish;ky Kirghiz;la Latin;lb Luxembourgish;lg Ganda;li Limburgan;ln Lingala;lo Lao;lt Lithuanian;
lu Luba-Katanga;lv Latvian;mg Malagasy;mh Marshallese;mi Maori;mk Macedonian;ml Malayalam;mn Mongolian;mr Marathi;
ms Malay;mt Maltese;my Burmese;na Nauru;nb Norwegian Bokmål;nd North Ndebele;ne Nepali;ng Ndonga;nl Dutch;
nn Norwegian Nynorsk;no Norwegian;nr South Ndebele;nv Navajo;ny Chichewa;oc Occitan;oj Ojibwa;om Oromo;or Oriya;
os Ossetian;pa Panjabi;pi Pali;pl Polish;ps Pashto;pt Portuguese;qu Quechua;rm Romansh;rn Rundi;ro Romanian;
ru Russian;rw Kinyarwanda;sa Sanskrit;sc Sardinian;sd Sindhi;se Northern Sami;sg Sango;sh Serbo-Croatian;si Sinhala;
sk Slovak;sl Slovenian;sm Samoan;sn Shona;so Somali;sq Albanian;sr Serbian;ss Swati;st Southern Sotho;su Sundanese;
sv Swedish;sw Swahili;ta Tamil;te Telugu;tg Tajik;th Thai;ti Tigrinya;tk Turkmen;tl Tagalog;tn Tswana;to Tonga;
tr Turkish;ts Tsonga;tt Tatar;tw Twi;ty Tahitian;ug Uighur;uk Ukrainian;ur Urdu;uz Uzbek;ve Venda;vi Vietnamese;
vo Volapük;wa Walloon;wo Wolof;xh Xhosa;yi Yiddish;yo Yoruba;za Zhuang;zh Chinese;zu Zulu
"""

_OTHERS = """
als Alemannic;arz Egyptian Arabic;ast Asturian;azb South Azerbaijani;bar Bavarian;bcl Central Bikol;bh Bihari;
bpy Bishnupriya;bxr Buriat;cbk Chavacano;ceb Cebuano;ckb Central Kurdish;diq Dimli;dsb Lower Sorbian;dty Dotyali;
eml Emiliano-Romagnolo;frr Northern Frisian;gom Goan Konkani;hif Fiji Hindi;hsb Upper Sorbian;ilo Iloko;jbo Lojban;
krc Karachay-Balkar;lez Lezghian;lmo Lombard;lrc Northern Luri;mai Maithili;mhr Eastern Mari;min Minangkabau;
mrj Western Mari;mwl Mirandese;myv Erzya;mzn Mazanderani;nah Nahuatl;nap Neapolitan;nds Low German;new Newari;
pam Pampanga;pfl Palatinate German;pms Piemontese;pnb Western Panjabi;rue Rusyn;sah Yakut;scn Sicilian;sco Scots;
tyv Tuvinian;vec Venetian;vep Veps;vls Vlaams;war Waray;wuu Wu Chinese;xal Kalmyk;xmf Mingrelian;yue Cantonese
"""


def _table(rows: str) -> dict[str, str]:
    pairs = (row.strip().split(" ", 1) for row in rows.split(";") if row.strip())
    return {pair[0]: pair[1] for pair in pairs}


ISO_639_1: dict[str, str] = _table(_ISO_639_1)
"""Each two-letter code with the language's English name."""

NAMES: dict[str, str] = ISO_639_1 | _table(_OTHERS)
"""Every code that an answer may bear, with the language's English name."""
