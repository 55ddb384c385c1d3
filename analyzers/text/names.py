"""Word lists that classify names in English text as persons, organizations or places."""

from __future__ import annotations

from .wordsets import word_set

GIVEN_NAMES = word_set("""
Aaron Abdul Abigail Abraham Adam Adrian Agnes Ahmed Aisha Alan Albert Alberto Alec Alejandro Alex Alexander Alexandra
Alexei Alfred Ali Alice Alicia Alison Allan Allen Alvaro Amanda Amelia Amy Ana Anders Andre Andrea Andreas Andrei
Andres Andrew Andy Angela Angelo Anita Anna Anne Annie Anthony Antoine Anton Antonio Arnold Arthur Ashley Barbara
Barry Beatrice Ben Benjamin Bernard Bernd Bernie Bert Beth Bill Billy Bjorn Bob Bobby Boris Brad Bradley Brandon
Brenda Brendan Brett Brian Bruce Bruno Bryan Byron Calvin Cameron Carl Carla Carlo Carlos Carmen Carol Caroline
Catherine Cecilia Cesar Chad Charles Charlie Charlotte Chelsea Chris Christian Christina Christine Christoph
Christopher Claire Clara Claude Claudia Claudio Clinton Clive Colin Connor Corey Craig Curtis Cynthia Daniel Daniela
Danny Darren Darryl Dave David Dean Deborah Dennis Derek Diana Diane Diego Dieter Dirk Dmitry Dominic Don Donald Donna
Doris Dorothy Doug Douglas Duncan Dwight Dylan Earl Eddie Edgar Edith Eduardo Edward Edwin Eileen Elaine Eleanor Elena
Elias Elizabeth Ellen Emily Emma Enrique Eric Erik Erin Ernest Ernesto Esther Ethan Eugene Eva Evan Evelyn Fabio
Federico Felipe Felix Fernando Fiona Florence Frances Francesca Francesco Francis Francisco Francois Frank Franklin
Franz Fred Frederick Gabriel Gareth Gary Gavin Geoff Geoffrey George Gerald Gerard Gerhard Gianni Gilbert Giorgio
Giovanni Giuseppe Glen Glenn Gloria Gordon Graham Greg Gregory Guido Guillermo Gustavo Guy Hannah Hans Harold Harriet
Harry Hassan Heather Hector Heidi Heinz Helen Helena Helmut Henri Henry Herbert Herman Hiroshi Howard Hugh Hugo Ian
Ibrahim Igor Imran Ingrid Irene Isaac Isabel Isabella Ivan Jack Jackie Jacob Jacques Jaime Jake James Jamie Jan Jane
Janet Jason Javier Jay Jean Jeff Jeffrey Jennifer Jens Jeremy Jerome Jerry Jesse Jessica Jesus Jim Jimmy Joan Joanna
Joao Joe Joel Johan Johannes John Johnny Jon Jonathan Jorge Jose Josef Joseph Josh Joshua Joyce Juan Judith Judy Julia
Julian Julie Julio Justin Karen Karim Karl Kate Katherine Kathleen Kathy Katie Keith Kelly Ken Kenneth Kevin Kim
Kimberly Klaus Kofi Kris Kristen Kurt Kyle Lance Larry Lars Laura Lauren Laurence Lawrence Leah Lee Leo Leon Leonard
Leonardo Leroy Leslie Lewis Liam Linda Lisa Liz Lloyd Lorenzo Louis Louise Luca Lucas Lucia Luciano Lucy Luigi Luis
Luke Lynn Madison Magnus Malcolm Manuel Marc Marcel Marco Marcos Marcus Margaret Maria Marie Marilyn Mario Marion
Marjorie Mark Markus Martha Martin Martina Marvin Mary Massimo Mathew Matt Matthew Matthias Maureen Maurice Max Maya
Megan Mehmet Melanie Melissa Michael Michel Michele Michelle Miguel Mika Mike Mikhail Milan Miles Mohamed Mohammad
Mohammed Monica Morgan Muhammad Mustafa Nadia Nancy Naomi Natalia Natalie Natasha Nathan Neil Nelson Nicholas Nick
Nicola Nicolas Nicole Nigel Nikolai Nina Noah Noel Nora Norman Oleg Oliver Olivia Omar Oscar Otto Owen Pablo Paolo
Pascal Patricia Patrick Paul Paula Paulo Pavel Pedro Peggy Penelope Perry Pete Peter Petr Phil Philip Philippe Phillip
Pierre Piotr Priya Rachel Rafael Rahul Ralph Ramon Randy Raul Ray Raymond Rebecca Regina Renee Ricardo Richard Rick
Rita Rob Robert Roberto Robin Rod Rodney Rodrigo Roger Roland Rolf Roman Ron Ronald Rosa Rose Ross Roy Ruben Rudolf
Rupert Russell Ruth Ryan Sally Salvador Sam Samantha Samuel Sandra Sandy Sanjay Sara Sarah Saul Scott Sean Sebastian
Serge Sergei Sergey Sergio Seth Shane Sharon Shaun Shawn Sheila Shirley Sidney Silvia Simon Sofia Sonia Sophia Sophie
Stacy Stan Stanley Stefan Stefano Stella Stephan Stephanie Stephen Steve Steven Stewart Stuart Sunil Susan Suzanne
Sven Sylvia Tamara Tanya Tara Ted Teresa Terry Theodore Theresa Thomas Tiffany Tim Timothy Tina Todd Tom Tomas Tommy
Toni Tony Tracy Trevor Tyler Ursula Valentina Valerie Vanessa Vera Vernon Veronica Viktor Victor Victoria Vijay
Vincent Viktoria Virginia Vitaly Vladimir Vivian Walter Warren Wayne Wendy Werner Wilhelm Will William Willie Wolfgang
Xavier Yasser Yuri Yusuf Yves Yvonne Zachary Zoe Tomasz Mohamad Arnaud Carlos Byung Jens Novak Goran Marat Thabo
Shimon Jiang Bashar Recep Barack Hillary Elon
""")  # fmt: skip

TITLES = word_set(
    "Mr Mrs Ms Miss Dr Prof Professor Sir Lady Lord Dame Rev Reverend President Senator Sen Governor Gov Minister "
    "Chancellor Judge Justice Captain Capt Colonel Col General Gen Sergeant Sgt Lieutenant Lt Major Admiral King Queen "
    "Prince Princess Pope Bishop Archbishop Cardinal Rabbi Imam Sheikh Mayor Congressman Congresswoman Detective "
    "Inspector Coach Aunt Uncle Saint Chairman Spokesman Ambassador Emperor Premier Secretary"
)
"""Before a name they make it a person's."""

OFFICES = TITLES | word_set("Vice Deputy Chief Head Department Director Officer Leader Manager Executive Council")
"""Alone they are no name: "Vice President"."""

ROLES = word_set(
    "director actor actress singer author writer novelist poet composer painter artist photographer journalist "
    "reporter editor producer president chancellor minister premier senator governor mayor ambassador spokesman "
    "spokeswoman chairman chairwoman captain coach manager striker goalkeeper midfielder defender batsman bowler "
    "lawyer attorney judge general colonel professor economist analyst scientist physicist astronaut champion "
    "rapper guitarist drummer comedian filmmaker activist candidate lawmaker"
)
"""In small letters before two or three capitalized words they make these a person's name."""

ORGANIZATION_ENDS = word_set(
    "Inc Corp Corporation Ltd Limited LLC LLP PLC Plc plc GmbH AG SA NV BV AB ASA Oy SpA KG Co Company Companies "
    "Group Holdings Partners Associates Bank Trust Fund Foundation Institute Institution University College School "
    "Academy Association Society Union Federation League Club Party Council Committee Commission Ministry "
    "Department Agency Authority Bureau Court Parliament Congress Senate Assembly Army Navy Police Airlines Airways "
    "Motors Industries Systems Technologies Laboratories Labs Pharmaceuticals Hospital Museum Library Orchestra "
    "Church Times Post Journal Tribune Herald Gazette News Press Television Radio Records Studios Pictures "
    "Entertainment United City Rovers Wanderers Athletic Albion Hotspur Securities Insurance Exchange Stores "
    "Brothers Bros Organization Organisation Office Service Services Center Centre Alliance Movement Front Network "
    "Communications Telecom Petroleum Oil Energy Electric Steel Mills Foods Airport "
)
"""As the last word of a name of two words or more they make it an organization's."""

ORGANIZATION_STARTS = word_set(
    "University Ministry Department Bank Institute Council Federal Royal National Court House Office Association "
    "Federation Republic Church Bureau Board College"
)
"""As the first word, with more behind them: "Bank of England", "Ministry of Defence"."""

ORGANIZATIONS = word_set("""
UN;EU;NATO;NASA;FBI;CIA;IMF;WHO;WTO;OPEC;UNESCO;UNICEF;IBM;BBC;CNN;NBC;CBS;ABC;FIFA;UEFA;NBA;NFL;NHL;MLB;IOC;OECD;
OSCE;Google;Microsoft;Apple;Amazon;Facebook;Meta;Twitter;YouTube;Instagram;WhatsApp;LinkedIn;Netflix;Tesla;Intel;
Nvidia;Samsung;Sony;Nokia;Ericsson;Siemens;Bosch;Volkswagen;BMW;Mercedes;Toyota;Honda;Nissan;Ford;Boeing;Airbus;
Walmart;Nestle;Unilever;Pfizer;Reuters;Bloomberg;Interpol;Greenpeace;Congress;Parliament;Senate;Pentagon;Kremlin;
Interfax;OpenAI;SpaceX;PayPal;eBay;Oracle;Adobe;Cisco;Dell;Motorola;Vodafone;Barclays;HSBC;Lufthansa;Starbucks;
McDonald's;Disney;Hamas;Hezbollah;Taliban;Labour;Tories;Arsenal;Barcelona FC;Real Madrid;Juventus;Liverpool FC;
Manchester United;Chelsea FC;European Union;United Nations;European Commission;White House;Red Cross;
Security Council;Supreme Court;Wall Street Journal;New York Times;World Bank;World Health Organization;
International Monetary Fund;Federal Reserve;Amnesty International;Associated Press
""", ";")  # fmt: skip

PLACES = word_set("""
Afghanistan;Albania;Algeria;Andorra;Angola;Argentina;Armenia;Australia;Austria;Azerbaijan;Bahamas;Bahrain;
Bangladesh;Barbados;Belarus;Belgium;Belize;Benin;Bhutan;Bolivia;Bosnia;Bosnia and Herzegovina;Botswana;Brazil;
Brunei;Bulgaria;Burkina Faso;Burma;Burundi;Cambodia;Cameroon;Canada;Cape Verde;Chad;Chile;China;Colombia;Congo;
Costa Rica;Croatia;Cuba;Cyprus;Czech Republic;Czechia;Denmark;Djibouti;Dominica;Dominican Republic;East Timor;
Ecuador;Egypt;El Salvador;Eritrea;Estonia;Ethiopia;Fiji;Finland;France;Gabon;Gambia;Georgia;Germany;Ghana;Greece;
Grenada;Guatemala;Guinea;Guyana;Haiti;Honduras;Hungary;Iceland;India;Indonesia;Iran;Iraq;Ireland;Israel;Italy;
Ivory Coast;Jamaica;Japan;Jordan;Kazakhstan;Kenya;Kosovo;Kuwait;Kyrgyzstan;Laos;Latvia;Lebanon;Lesotho;Liberia;
Libya;Liechtenstein;Lithuania;Luxembourg;Macedonia;Madagascar;Malawi;Malaysia;Maldives;Mali;Malta;Mauritania;
Mauritius;Mexico;Moldova;Monaco;Mongolia;Montenegro;Morocco;Mozambique;Myanmar;Namibia;Nepal;Netherlands;
New Zealand;Nicaragua;Niger;Nigeria;North Korea;Norway;Oman;Pakistan;Palestine;Panama;Papua New Guinea;Paraguay;
Peru;Philippines;Poland;Portugal;Qatar;Romania;Russia;Rwanda;Saudi Arabia;Senegal;Serbia;Sierra Leone;Singapore;
Slovakia;Slovenia;Somalia;South Africa;South Korea;South Sudan;Spain;Sri Lanka;Sudan;Suriname;Swaziland;Sweden;
Switzerland;Syria;Taiwan;Tajikistan;Tanzania;Thailand;Tibet;Togo;Trinidad;Trinidad and Tobago;Tunisia;Turkey;
Turkmenistan;Uganda;Ukraine;United Arab Emirates;United Kingdom;United States;United States of America;Uruguay;
Uzbekistan;Vatican;Venezuela;Vietnam;Yemen;Yugoslavia;Zaire;Zambia;Zimbabwe;Soviet Union;Great Britain;Britain;
England;Scotland;Wales;Northern Ireland;Holland;U.S.;U.S;US;USA;U.S.A.;U.K.;UK;UAE;USSR;America;Europe;Asia;Africa;
Antarctica;North America;South America;Latin America;Central America;Middle East;Eastern Europe;Western Europe;
Balkans;Caribbean;Scandinavia;Siberia;Chechnya;Crimea;Kashmir;Gaza;Gaza Strip;West Bank;Golan Heights;Hong Kong;
Macau;Puerto Rico;Bermuda;Gibraltar;Greenland;Kurdistan;Bavaria;Catalonia;Alabama;Alaska;Arizona;Arkansas;
California;Colorado;Connecticut;Delaware;Florida;Hawaii;Idaho;Illinois;Indiana;Iowa;Kansas;Kentucky;Louisiana;Maine;
Maryland;Massachusetts;Michigan;Minnesota;Mississippi;Missouri;Montana;Nebraska;Nevada;New Hampshire;New Jersey;
New Mexico;New York;North Carolina;North Dakota;Ohio;Oklahoma;Oregon;Pennsylvania;Rhode Island;South Carolina;
South Dakota;Tennessee;Texas;Utah;Vermont;Virginia;West Virginia;Wisconsin;Wyoming;Ontario;Quebec;British Columbia;
Alberta;Nova Scotia;New South Wales;Queensland;Tasmania;Yorkshire;Kent;Essex;Sussex;Surrey;Cornwall;London;Paris;
Berlin;Rome;Madrid;Lisbon;Vienna;Brussels;Amsterdam;Rotterdam;The Hague;Copenhagen;Stockholm;Oslo;Helsinki;Dublin;
Belfast;Edinburgh;Glasgow;Cardiff;Manchester;Birmingham;Liverpool;Leeds;Bristol;Sheffield;Newcastle;Oxford;
Cambridge;Warsaw;Krakow;Prague;Budapest;Bucharest;Sofia;Belgrade;Zagreb;Sarajevo;Ljubljana;Bratislava;Athens;
Istanbul;Ankara;Moscow;St. Petersburg;Kiev;Kyiv;Minsk;Riga;Tallinn;Vilnius;Tbilisi;Yerevan;Baku;Grozny;Munich;
Hamburg;Frankfurt;Cologne;Bonn;Stuttgart;Dresden;Leipzig;Zurich;Geneva;Basel;Bern;Milan;Turin;Naples;Venice;
Florence;Bologna;Genoa;Barcelona;Valencia;Seville;Bilbao;Porto;Lyon;Marseille;Nice;Bordeaux;Strasbourg;Monte Carlo;
Reykjavik;Cairo;Alexandria;Tripoli;Tunis;Algiers;Casablanca;Rabat;Lagos;Abuja;Accra;Nairobi;Kampala;Addis Ababa;
Khartoum;Kinshasa;Harare;Johannesburg;Cape Town;Pretoria;Durban;Jerusalem;Tel Aviv;Haifa;Hebron;Beirut;Damascus;
Amman;Baghdad;Basra;Tehran;Riyadh;Jeddah;Mecca;Dubai;Abu Dhabi;Doha;Kabul;Karachi;Lahore;Islamabad;Delhi;New Delhi;
Mumbai;Bombay;Calcutta;Kolkata;Madras;Chennai;Bangalore;Hyderabad;Dhaka;Colombo;Kathmandu;Rangoon;Bangkok;Hanoi;
Phnom Penh;Kuala Lumpur;Jakarta;Manila;Beijing;Shanghai;Guangzhou;Shenzhen;Wuhan;Taipei;Seoul;Pyongyang;Tokyo;Osaka;
Kyoto;Hiroshima;Nagasaki;Sydney;Melbourne;Brisbane;Perth;Adelaide;Canberra;Auckland;Wellington;Christchurch;Toronto;
Montreal;Vancouver;Ottawa;Calgary;Edmonton;Winnipeg;New York City;Manhattan;Brooklyn;Los Angeles;Chicago;Houston;
Phoenix;Philadelphia;San Antonio;San Diego;Dallas;San Jose;Austin;San Francisco;Seattle;Denver;Washington;
Washington D.C.;Boston;Nashville;Detroit;Portland;Las Vegas;Memphis;Baltimore;Milwaukee;Atlanta;Miami;Cleveland;
Minneapolis;St. Louis;Pittsburgh;Cincinnati;New Orleans;Salt Lake City;Hollywood;Silicon Valley;Mexico City;Havana;
Kingston;Bogota;Caracas;Lima;Quito;La Paz;Santiago;Buenos Aires;Montevideo;Asuncion;Brasilia;Sao Paulo;
Rio de Janeiro;Gettysburg;Norwich;Nottingham;Southampton;Leicester;Brighton;York;Bath;Coventry;Derby;Sunderland;
Middlesbrough;Lahti;Trafford
""", ";")  # fmt: skip

PLACE_ENDS = word_set(
    "River Lake Sea Ocean Bay Island Islands Mountain Mountains Valley Desert Street Avenue Road Boulevard Lane Square "
    "Park County Province District Village Peninsula Canal Beach Hills Coast Strait Gulf Bridge"
)
PLACE_STARTS = word_set("Lake Mount Mt Cape Gulf Strait Isle Port Fort San Santa Los Las")

SPEECH = word_set("said says told added asked replied wrote tweeted explained argued announced")
"""Beside a name of two words they make it a person's."""

NO_NAMES = word_set("""
I I'm I've I'll I'd Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June
July August September October November December English French German Spanish Italian Russian Chinese Japanese
American British European African Asian Australian Canadian Indian Israeli Palestinian Turkish Greek Dutch Swedish
Polish Irish Scottish Welsh Iraqi Iranian Arab Muslim Christian Jewish Catholic Internet Web God Christmas Easter
Olympic Olympics OK TV DVD CD PC
""")  # fmt: skip
