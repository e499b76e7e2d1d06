#!/bin/sh
# field=value for every kind of field.
. "$(dirname "$0")/tap.sh"
hub
client=$("$SATCHEL" --home "$home" add client name=Firma)
contact=$("$SATCHEL" --home "$home" add contact client=firma name="Jan Nowak")
deal=$("$SATCHEL" --home "$home" add deal client=firma title=Chairs)
product=$("$SATCHEL" --home "$home" add product name=Chair)

# is ID FIELD JSON NAME
is()
{
	run show "$1" --json
	json_has "\"$2\":$3" "$4"
}
is_not()
{
	run show "$1" --json
	json_lacks "\"$2\":" "$3"
}

run set "$client" city=Roma country=IT
is "$client" city '"Roma"' "a register takes a value"
run set "$client" city=
is_not "$client" city "an empty value clears"
run set "$client" city+=Roma
status_is 2 "a register takes no plus"
run set "$client" city=Roma city=Bari
status_is 2 "a register is set once at a time"
run set "$client" nosuch=1
status_is 3 "an unknown field is not valid"
errs "name" "and the known ones are told"
run set "$client" Roma
status_is 2 "a word without = is misuse"
run set "$client" =Roma
status_is 2 "a value without a field is misuse"
run set "$client" kind=nosuch
status_is 3 "a word that is not in the list is not valid"
run set "$client" founded=soon
status_is 3 "a number must be one"
run set "$client" name=
status_is 3 "a required field is not cleared"
is "$client" name '"Firma"' "and stays what it was"
run set "$client" city=Bari founded=soon
is_not "$client" city "an action with a fault changes nothing"

run set "$client" tags+=a tags+=b
is "$client" tags '["a","b"]' "elements are added"
run set "$client" tags-=a
is "$client" tags '["b"]' "an element is taken away"
run set "$client" tags=c
is "$client" tags '["c"]' "an assigned element is the only one"
run set "$client" tags=x tags+=y
is "$client" tags '["x","y"]' "and others may be added to it at once"
run set "$client" tags=
is_not "$client" tags "an empty value empties a set"
run set "$client" tags+=
status_is 2 "adding nothing is misuse"

run set "$client" phones+="+40 744 123 456=office"
is "$client" phones '{"+40744123456":"office"}' "a map takes a key and a value"
run set "$client" phones+=+40744123456=home
is "$client" phones '{"+40744123456":"home"}' "a key's value is replaced"
run set "$client" phones-=+40744123456
is_not "$client" phones "a key is taken away"
run set "$client" phones+=12
status_is 3 "a phone number must be one"

run set "$product" stock+=10
run set "$product" stock-=3 stock+=1
is "$product" stock 8 "a counter is counted up and down"
run set "$product" stock=5
status_is 2 "a counter is not assigned"
errs "stock+=5" "and it is said how it changes"

run set "$contact" no_calls=yes
is "$contact" no_calls true "a flag is set"
run set "$contact" no_calls=
is "$contact" no_calls false "a cleared flag is no"

run set "$client" credit_limit="5000 EUR" terms="FOB" remarks="Good" segment=retail
status_is 0 "the fields of all blocks are a client's own"
is "$client" segment '"retail"' "and are kept"
run set "$deal" moves=x
status_is 3 "what is logged is not set by hand"

run set "$deal" stage=Negotiations
is "$deal" stage '"Negotiations"' "a deal is moved by the stage's name"
run set "$deal" stage=Nowhere
ok "a stage that is none is refused" [ "$status" != 0 ]
run set "$deal" stage=Lost
status_is 3 "a lost deal wants a reason"
errs "lost_reason=" "and it is said how to give it"
is "$deal" stage '"Negotiations"' "and the deal stays where it was"
run set "$deal" stage=Offer lost_reason=price
status_is 3 "a reason of loss is for lost deals"
run set "$deal" stage=Lost lost_reason=price
is "$deal" stage '"Lost"' "a deal is lost with a reason"
is "$deal" lost_reason '"Price"' "and the reason is kept"
run set "$deal" lost_reason=timing
is "$deal" lost_reason '"Timing"' "the reason alone is mended"
run set "$deal" stage=Lost
status_is 0 "the same stage again keeps the reason"
is "$deal" lost_reason '"Timing"' "as it was"
run set "$deal" stage=Offer
is "$deal" stage '"Offer"' "a lost deal is taken up again"
run show "$deal" --json
json_lacks '"lost_reason"' "without its reason of loss"

for type in node statement invite org assignment; do
	run add $type name=x
	status_is 2 "a $type is not added by hand"
done
run add nosuch name=x
status_is 3 "an unknown type is not valid"
run add client
status_is 2 "an empty record is misuse"
done_testing
