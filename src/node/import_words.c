#include "node/import_words.h"

#include "core/schema.h"

/* Words for a company, wherever one is meant. */
#define COMPANY "company|company name|organization|organisation|organization name|organisation name|" \
	"account|account name|client|client name|customer|customer name|business name|legal name|firm|" \
	"firma|firmă|nume firmă|denumire firmă|companie|nume companie|beneficiar|" \
	"организация|компания|фирма|клиент|контрагент|название организации|наименование организации|" \
	"название компании|предприятие|" \
	"empresa|razón social|cliente|compañía|organización|nombre de la empresa|" \
	"nazwa firmy|klient|kontrahent|przedsiębiorstwo|spółka|organizacja"
#define PERSON "full name|contact|contact name|person|person name|display name|" \
	"nume complet|nume și prenume|persoană de contact|persoana de contact|" \
	"фио|полное имя|имя и фамилия|контактное лицо|контакт|" \
	"nombre completo|nombre y apellidos|contacto|persona de contacto|" \
	"imię i nazwisko|osoba kontaktowa|kontakt"
#define SELLER "sales agent|agent|salesperson|sales rep|sales representative|rep|account manager|" \
	"assigned to|assigned user|assigned user name|responsible|manager|" \
	"responsabil|agent de vânzări|manager de cont|proprietar|" \
	"ответственный|менеджер|владелец|торговый представитель|" \
	"responsable|propietario|comercial|vendedor|" \
	"odpowiedzialny|opiekun|właściciel|handlowiec|przedstawiciel"

const struct import_words import_words[] = {
	{ TYPE_CLIENT, "name", COMPANY "|denumire|nume|наименование|название|имя|nombre|nazwa" },
	{ TYPE_CLIENT, "owner", "account owner|company owner|client owner|" SELLER },
	{ TYPE_CLIENT, "tax_id", "tax id|tax no|vat|vat id|vat number|vat no|tin|ein|tax code|"
	    "cui|cod fiscal|cod tva|cod unic de înregistrare|idno|инн|налоговый номер|"
	    "nif|cif|cif nif|nif cif|número fiscal|nip|numer nip|numer podatkowy" },
	{ TYPE_CLIENT, "reg_no", "registration no|reg no|company number|company registration number|"
	    "nr reg com|registrul comerțului|nr registrul comerțului|огрн|регистрационный номер|"
	    "número de registro|krs|regon|numer rejestrowy" },
	{ TYPE_CLIENT, "legal_form", "formă juridică|организационно-правовая форма|forma jurídica|forma prawna" },
	{ TYPE_CLIENT, "industry", "sector|domeniu|domeniu de activitate|industrie|отрасль|"
	    "сфера деятельности|industria|branża|sektor" },
	{ TYPE_CLIENT, "sites", "website|web site|web|site|url|homepage|home page|domain|"
	    "company domain name|site web|pagină web|сайт|веб-сайт|адрес сайта|"
	    "sitio web|página web|strona|strona www|strona internetowa|witryna|www" },
	{ TYPE_CLIENT, "address", "street|address|address line|billing street|billing address|"
	    "adresă|adresa|stradă|strada|адрес|улица|юридический адрес|"
	    "dirección|calle|domicilio|adres|ulica" },
	{ TYPE_CLIENT, "city", "town|locality|billing city|oraș|orașul|localitate|localitatea|"
	    "город|населенный пункт|ciudad|localidad|población|municipio|miasto|miejscowość" },
	{ TYPE_CLIENT, "region", "state|province|county|state province|state region|billing state|"
	    "județ|județul|regiune|raion|область|регион|край|район|"
	    "provincia|estado|comunidad autónoma|województwo|powiat" },
	{ TYPE_CLIENT, "postcode", "zip|zip code|zipcode|postal code|post code|zip postal code|"
	    "cod poștal|индекс|почтовый индекс|código postal|cp|kod pocztowy" },
	{ TYPE_CLIENT, "country", "country region|billing country|țară|țara|страна|país|kraj|państwo" },
	{ TYPE_CLIENT, "parent", "parent|parent company|parent account|subsidiary of|companie mamă|"
	    "firmă mamă|головная организация|материнская компания|empresa matriz|matriz|"
	    "firma matka|spółka matka" },
	{ TYPE_CLIENT, "timezone", "fus orar|часовой пояс|zona horaria|strefa czasowa" },
	{ TYPE_CLIENT, "founded", "year established|founded year|established|anul înființării|"
	    "год основания|año de fundación|rok założenia" },
	{ TYPE_CLIENT, "employees", "number of employees|employee count|no of employees|headcount|"
	    "angajați|număr de angajați|сотрудники|число сотрудников|количество сотрудников|"
	    "empleados|número de empleados|pracownicy|liczba pracowników|zatrudnienie" },
	{ TYPE_CLIENT, "revenue", "annual revenue|turnover|cifră de afaceri|cifra de afaceri|venit|"
	    "выручка|оборот|ingresos|facturación|przychód|przychody|obrót" },
	{ TYPE_CLIENT, "balance", "sold|saldo|сальдо|баланс|задолженность" },
	{ TYPE_CLIENT, "overdue", "restanțe|просрочено|просроченная задолженность|vencido|zaległości|"
	    "przeterminowane" },
	{ TYPE_CLIENT, "credit_limit", "credit line|limită de credit|кредитный лимит|límite de crédito|"
	    "limit kredytowy" },

	{ TYPE_CONTACT, "name", PERSON },
	{ TYPE_CONTACT, "given", "first name|firstname|forename|prenume|prenumele|имя|nombre|imię" },
	{ TYPE_CONTACT, "family", "last name|lastname|surname|nume|nume de familie|фамилия|"
	    "apellido|apellidos|nazwisko" },
	{ TYPE_CONTACT, "middle", "second name|patronymic|patronimic|отчество|segundo nombre|drugie imię" },
	{ TYPE_CONTACT, "position", "title|job title|job|role|funcție|funcția|post|должность|"
	    "cargo|puesto|stanowisko" },
	{ TYPE_CONTACT, "department", "departament|secție|отдел|подразделение|departamento|dział" },
	{ TYPE_CONTACT, "birthday", "birth date|birthdate|date of birth|zi de naștere|data nașterii|"
	    "день рождения|дата рождения|cumpleaños|fecha de nacimiento|urodziny|data urodzenia" },

	{ TYPE_PERSON, "name", PERSON "|user|user name|employee|angajat|nume|сотрудник|имя|"
	    "empleado|nombre|pracownik|nazwa|" SELLER },
	{ TYPE_PERSON, "role", "rol|роль|rola" },
	{ TYPE_PERSON, "branch", "office|regional office" },
	{ TYPE_PERSON, "territory", "region|регион|región" },

	{ TYPE_DEAL, "title", "deal|name|opportunity|opportunity name|subject|afacere|titlu|denumire|"
	    "nume|oportunitate|сделка|название|название сделки|тема|oportunidad|negocio|título|nombre|"
	    "transakcja|szansa|szansa sprzedaży|tytuł|nazwa" },
	{ TYPE_DEAL, "stage", "stage name|pipeline stage|sales stage|etapă|etapa|stadiu|fază|"
	    "стадия|этап|стадия сделки|fase|etapa de venta|etap|faza" },
	{ TYPE_DEAL, "amount", "value|close value|price|sum|total|sumă|suma|valoare|valoarea|"
	    "сумма|стоимость|бюджет|importe|valor|monto|kwota|wartość" },
	{ TYPE_DEAL, "opened", "engage date|open date|created|create date|created on|created at|"
	    "date opened|start date|data deschiderii|data creării|дата создания|дата открытия|"
	    "fecha de creación|fecha de inicio|fecha de apertura|data utworzenia|data otwarcia" },
	{ TYPE_DEAL, "expected_close", "expected close date|expected closing|estimated close date|"
	    "închidere estimată|data estimată|ожидаемая дата закрытия|плановая дата закрытия|"
	    "fecha prevista|fecha de cierre prevista|przewidywana data zamknięcia|planowane zamknięcie" },
	{ TYPE_DEAL, "closed", "close date|closed date|closed on|closed at|data închiderii|"
	    "дата закрытия|fecha de cierre|data zamknięcia" },
	{ TYPE_DEAL, "product", "product name|item|produs|articol|товар|продукт|изделие|"
	    "producto|artículo|produkt|towar" },
	{ TYPE_DEAL, "responsible", "owner|deal owner|opportunity owner|" SELLER },
	{ TYPE_DEAL, "lost_reason", "lost reason|reason lost|loss reason|closed lost reason|"
	    "motiv pierdere|motivul pierderii|причина проигрыша|причина отказа|"
	    "motivo de pérdida|powód przegranej|powód utraty" },
	{ TYPE_DEAL, "competitors", "competitor|concurent|concurenți|конкурент|конкуренты|"
	    "competidor|competidores|konkurent|konkurenci|konkurencja" },

	{ TYPE_ACTIVITY, "at", "date|date time|start|data|data și ora|дата|дата и время|fecha|"
	    "fecha y hora|data i godzina" },
	{ TYPE_ACTIVITY, "subject", "title|topic|name|subiect|тема|asunto|temat" },
	{ TYPE_ACTIVITY, "body", "notes|note|description|comment|comments|descriere|описание|"
	    "комментарий|descripción|notas|opis|notatki" },
	{ TYPE_ACTIVITY, "place", "location|loc|место|lugar|miejsce" },
	{ TYPE_ACTIVITY, "outcome", "result|rezultat|результат|resultado|wynik" },
	{ TYPE_ACTIVITY, "responsible", "owner|" SELLER },

	{ TYPE_TASK, "text", "task|title|subject|name|sarcină|задача|tarea|zadanie" },
	{ TYPE_TASK, "due", "due date|deadline|termen|срок|fecha de vencimiento|plazo|termin" },
	{ TYPE_TASK, "assignee", "owner|" SELLER },
	{ TYPE_NOTE, "text", "note|notes|body|comment|notiță|notă|заметка|примечание|nota|notatka" },

	{ TYPE_PRODUCT, "name", "product|product name|item|article|denumire|nume|produs|наименование|"
	    "название|товар|продукт|номенклатура|producto|nombre|artículo|nazwa|produkt|towar" },
	{ TYPE_PRODUCT, "code", "sku|item code|product code|part number|cod|cod produs|артикул|код|"
	    "código|referencia|kod|indeks|symbol" },
	{ TYPE_PRODUCT, "series", "product line|family|serie|серия|seria" },
	{ TYPE_PRODUCT, "unit", "uom|unit of measure|um|unitate|unitate de măsură|единица|ед изм|"
	    "единица измерения|unidad|unidad de medida|jednostka|jm|jednostka miary" },
	{ TYPE_PRODUCT, "price", "sales price|unit price|list price|preț|preț unitar|цена|precio|"
	    "cena|cena netto" },
	{ TYPE_PRODUCT, "stock", "quantity|qty|stoc|cantitate|остаток|количество|existencias|"
	    "cantidad|stan|ilość" },
	{ TYPE_PRODUCT, "barcodes", "barcode|ean|gtin|cod de bare|штрихкод|штрих-код|"
	    "código de barras|kod kreskowy" },

	{ -1, "client", COMPANY "|client id|company id|account id|customer id|organization id" },
	{ -1, "external_id", "id|record id|ext id|external key|identificator|id extern|"
	    "идентификатор|внешний код|ид|identificador|identyfikator" },
	{ -1, "phones", "phone|phone number|telephone|tel|mobile|mobile phone|mobile number|cell|"
	    "cell phone|business phone|work phone|home phone|office phone|main phone|"
	    "telefon|mobil|nr telefon|nr de telefon|număr de telefon|telefon mobil|telefon fix|"
	    "телефон|мобильный|мобильный телефон|рабочий телефон|домашний телефон|номер телефона|тел|"
	    "телефоны|teléfono|teléfonos|teléfono móvil|móvil|celular|número de teléfono|"
	    "telefon komórkowy|komórka|numer telefonu|telefon służbowy|telefon stacjonarny" },
	{ -1, "emails", "email|e-mail|email address|e-mail address|mail|emails|business email|"
	    "poștă electronică|adresă de e-mail|adresă e-mail|adresa de email|"
	    "почта|эл. почта|электронная почта|адрес эл. почты|адрес электронной почты|имейл|"
	    "correo|correo electrónico|dirección de correo electrónico|"
	    "adres e-mail|adres email|poczta|poczta elektroniczna" },
	{ -1, "description", "notes|note|comment|comments|about|details|descriere|comentarii|"
	    "observații|описание|комментарий|примечание|заметки|descripción|comentario|comentarios|"
	    "notas|observaciones|opis|komentarz|uwagi|notatki" },
	{ -1, "source", "lead source|sursă|sursa|источник|origen|fuente|źródło" },
	{ -1, "tags", "tag|label|labels|etichete|теги|метки|etiquetas|tagi|etykiety" },
	{ -1, "interests", "interest|interese|интересы|intereses|zainteresowania" },
	{ -1, "language", "limbă|limba|язык|idioma|język" },
	{ -1, "team", "echipă|echipa|команда|equipo|zespół" },
	{ -1, "branch", "filială|filiala|sucursală|филиал|sucursal|delegación|oddział" },
	{ -1, "territory", "sales territory|teritoriu|территория|territorio|terytorium" },
	{ -1, "segment", "customer segment|сегмент|segmento" },
};

const size_t import_words_count = sizeof(import_words) / sizeof(import_words[0]);
