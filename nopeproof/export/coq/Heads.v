(* What the variables are worth at a position of a word, and: what Symbolic.v says of weights and heads is true there. *)

From Coq Require Import ZArith NArith QArith Qreduction List Bool Field Lia.
From Nopeproof Require Import Model Numbers Poly Symbolic.
Import ListNotations.
Open Scope nat_scope.

Section Run.
  Context {F : field}.
  Add Field heads_field : (is_field F).
  Local Open Scope number_scope.
  Variables (sym : nat -> F) (any : nat -> nat -> nat -> nat -> F) (T : nat) (c : circuit) (h : hints) (w : word F).
  Notation after_ := (after F sym any T c w).
  Notation class_at t := (fst (at_ w t)).

  Fixpoint count (a t : nat) : nat := match t with O => O | S m => count a m + (if Nat.eqb (class_at t) a then 1 else 0) end.

  (* The value of what is known at position t, and of every variable: x there for the query, y for the key. *)
  Definition here (t : nat) (a : local) : F :=
    match a with
    | State l i => after_ (N.to_nat l) t (N.to_nat i)
    | Added l n i => adds F sym any T (N.to_nat l) (N.to_nat n) (part_at c (N.to_nat l) (N.to_nat n)) (after_ (N.to_nat l)) t (N.to_nat i)
    | Owned n => snd (at_ w t) (N.to_nat n)
    | R => inj ((t - start c h) / period h) | Count a => inj (count (N.to_nat a) t) | Gap => inj (T - t)
    end.
  Definition val (x y : local -> F) (aux : N -> F) (v : var) : F :=
    match v with
    | Symbol n => sym (N.to_nat n) | T_ => inj T | Rt n => sqrt (ofZ (Zpos n)) | Ln n => ln (ofZ (Zpos n))
    | Exp None D => exp (ofQ (1 # D)) | Exp (Some b) D => exp (ofQ (1 # D) * sqrt (ofZ (Zpos b)))
    | Aux n => aux n | Here a => x a | There a => y a
    end.

  Lemma roots_val x y aux : roots F (val x y aux).
  Proof. intro p. cbn. apply sqrt_square, ofZ_nonneg. lia. Qed.
  Hint Resolve roots_val : core.

  Definition rval (rho : var -> F) (a : ratio) : F := peval F rho (fst a) / peval F rho (snd a).
  Lemma stands_rval rho a : peval F rho (snd a) <> zero -> stands F rho a (rval rho a).
  Proof. intro N. split; [assumption |]. unfold rval. field. assumption. Qed.
  Lemma rval_stands rho a x : stands F rho a x -> rval rho a = x.
  Proof. intro S. apply (stands_unique F rho a); [apply stands_rval; apply S | assumption]. Qed.
  Lemma stands_same rho rho' a x : (forall v, rho v = rho' v) -> stands F rho a x -> stands F rho' a x.
  Proof.
    intro E. apply (stands_ext F (fun _ => true)); [intros; apply E |].
    assert (A : forall p, all_vars (fun _ => true) p = true).
    { intro p. unfold all_vars. apply forallb_forall. intros [m q] _. now apply forallb_forall. }
    unfold ratio_vars. now rewrite !A.
  Qed.
  Lemma not_there_val x y y' aux v : not_there v = true -> val x y aux v = val x y' aux v.
  Proof. destruct v; cbn; congruence. Qed.
  Lemma to_there_ok x y aux a z : stands F (val y y aux) a z -> stands F (val x y aux) (rmap to_there a) z.
  Proof. intro H. apply rmap_ok. revert H. apply stands_same. now intros []. Qed.

  Lemma rzero_ok rho : roots F rho -> stands F rho rzero zero.
  Proof. intro. apply (rpoly_ok F rho) with (p := []). Qed.

  Lemma safe_ok x y aux a : safe a = true -> peval F (val x y aux) (snd a) <> zero.
  Proof.
    unfold safe. destruct (snd a) as [| [m q] p]; [discriminate |]. intro H.
    assert (A : forall m, forallb (fun vn : var * N => is_exp (fst vn)) m = true -> le zero (factors F (val x y aux) m) /\ factors F (val x y aux) m <> zero).
    { intro m'. induction m' as [| [v n] m' IH]; cbn; intro E; [split; [apply le_0_1 | apply one_not_zero] |].
      apply andb_prop in E as [Ev E]. destruct (IH E) as [P N]. destruct v as [| | | | root D | | |]; try discriminate.
      assert (B : le zero (val x y aux (Exp root D)) /\ val x y aux (Exp root D) <> zero) by (destruct root; apply exp_positive).
      split; [apply le_mul; [now apply pow_nonneg | assumption] | apply no_zero_divisors; [now apply pow_not_zero | assumption]]. }
    cbn in H |- *. apply andb_prop in H as [V C]. apply andb_prop in V as [Vm V], C as [Cm C]. destruct (A m Vm) as [P N].
    apply positive_plus.
    - apply le_mul; [apply ofQ_nonneg; apply Z.ltb_lt in Cm; lia | assumption].
    - apply no_zero_divisors; [apply ofQ_not_zero; apply Z.ltb_lt in Cm; lia | assumption].
    - clear -A V C. induction p as [| [m q] p IH]; cbn in *; [apply le_refl |]. apply andb_prop in V as [Vm V], C as [Cm C].
      apply le_plus; [apply le_mul; [apply ofQ_nonneg; apply Z.ltb_lt in Cm; lia | now apply A] | now apply IH].
  Qed.

  Lemma replaces_ok x y aux a b z : replaces a b = true -> stands F (val x y aux) b z -> stands F (val x y aux) a z.
  Proof.
    intros H [N E]. unfold replaces in H. apply orb_prop in H as [H | H]; apply andb_prop in H as [H1 H2].
    - apply (pequal_ok F (val x y aux)) in H1, H2. split; rewrite H2; [assumption |]. now rewrite H1.
    - apply (pequal_ok F (val x y aux)) in H2. rewrite !pmul_ok in H2 by auto. split; [now apply safe_ok |].
      apply (cancel F _ _ _ N). rewrite H2, E. ring.
  Qed.

  (* --- weights --- *)

  Lemma pscale_const rho q p : roots F rho -> peval F rho (pscale [] q p) = ofQ q * peval F rho p.
  Proof. intro. rewrite pscale_ok by assumption. cbn. ring. Qed.

  Section Weights.
    Variables (x y : local -> F) (aux : N -> F) (own idx : bool) (owned : nat -> F) (k : F).
    Hypothesis own_yes : own = true -> forall n, x (Owned (N.of_nat n)) = owned n.
    Hypothesis own_no : own = false -> forall n, owned n = zero.
    Hypothesis idx_yes : idx = true -> aux 0%N = k.
    Hypothesis idx_no : idx = false -> k = zero.
    Notation rho := (val x y aux).
    Notation mean_ := (meaning F sym T owned k).

    Lemma read_symbol_ok s : peval F rho (read_symbol own idx s) = mean_ s.
    Proof.
      destruct s; cbn [read_symbol meaning]; rewrite ?pvar_ok; cbn [val]; rewrite ?Nat2N.id; try reflexivity.
      - destruct own; [rewrite pvar_ok; now apply own_yes | now rewrite own_no].
      - destruct idx; [unfold k_; rewrite pvar_ok; now apply idx_yes | now rewrite idx_no].
    Qed.
    Lemma read_product_ok l : peval F rho (read_product own idx l) = product F mean_ l.
    Proof.
      induction l as [| s l IH]; unfold read_product, product; cbn [fold_right]; [now rewrite pint_ok, ofZ_1 |].
      fold (read_product own idx l). fold (product F mean_ l). now rewrite pmul_ok, read_symbol_ok, IH by auto.
    Qed.
    Lemma read_weight_ok u : peval F rho (read_weight own idx u) = value F mean_ u.
    Proof.
      induction u as [| [q l] u IH]; unfold read_weight, value; cbn [fold_right total fst snd]; [reflexivity |].
      fold (read_weight own idx u). fold (value F mean_ u). now rewrite padd_ok, pscale_const, read_product_ok, IH by auto.
    Qed.
    Lemma read_entry_ok v i : peval F rho (read_entry own idx v i) = entry F mean_ v i.
    Proof.
      induction v as [| [j u] v IH]; unfold read_entry, entry; cbn [fold_right total fst snd]; [reflexivity |].
      fold (read_entry own idx v i). fold (entry F mean_ v i). destruct (Nat.eqb j i); rewrite ?padd_ok, ?read_weight_ok, IH; ring.
    Qed.
  End Weights.

  Lemma rdot_ok x y aux idx k v X f : (idx = true -> aux 0%N = k) -> (idx = false -> k = zero) ->
    (forall i, stands F (val x y aux) (X i) (f i)) -> stands F (val x y aux) (rdot idx v X) (dot F (meaning F sym T (fun _ => zero) k) v f).
  Proof.
    intros Hy Hn H. induction v as [| [j u] v IH]; unfold rdot, dot; cbn [fold_right total fst snd]; [now apply rzero_ok |].
    fold (rdot idx v X). apply radd_ok; auto. apply rmul_ok; auto.
    rewrite <- (read_weight_ok x y aux false idx (fun _ => zero) k) by (auto; discriminate). now apply rpoly_ok.
  Qed.
  Notation fixed_ := (fixed F sym T).
  Lemma rdot_fixed x y aux v X f : (forall i, stands F (val x y aux) (X i) (f i)) -> stands F (val x y aux) (rdot false v X) (dot F fixed_ v f).
  Proof. intro. apply rdot_ok; auto; discriminate. Qed.
  Lemma weight_fixed x y aux u : peval F (val x y aux) (read_weight false false u) = value F fixed_ u.
  Proof. apply read_weight_ok; auto; discriminate. Qed.
  Lemma entry_fixed x y aux v i : peval F (val x y aux) (read_entry false false v i) = entry F fixed_ v i.
  Proof. apply read_entry_ok; auto; discriminate. Qed.

  (* --- scores and values --- *)

  Lemma products_ok rho A B a b : roots F rho -> Forall2 (stands F rho) A a -> Forall2 (stands F rho) B b ->
    stands F rho (products A B) (total (fun xy => fst xy * snd xy) (combine a b)).
  Proof.
    intros G HA. revert B b. induction HA as [| A1 a1 A a H1 HA IH]; intros B b HB; [now apply rzero_ok |].
    destruct HB as [| B1 b1 B b H2 HB]; [now apply rzero_ok |]. unfold products. cbn [combine fold_right total fst snd].
    apply radd_ok; auto; [now apply rmul_ok | now apply (IH B b)].
  Qed.
  Lemma reads_ok x y aux m X f : (forall i, stands F (val x y aux) (X i) (f i)) ->
    Forall2 (stands F (val x y aux)) (reads m X) (map (fun v => dot F fixed_ v f) m).
  Proof. intro H. induction m; cbn; constructor; auto. now apply rdot_fixed. Qed.
  Lemma total_combine {A B} (f : A -> F) (g : B -> F) l m :
    total (fun xy => fst xy * snd xy) (combine (map f l) (map g m)) = total (fun ab => f (fst ab) * g (snd ab)) (combine l m).
  Proof. revert m. induction l as [| a l IH]; intros [| b m]; cbn; try reflexivity. now rewrite IH. Qed.
  Lemma rscore_ok x y aux hd Q K f g : Forall2 (stands F (val x y aux)) Q (map (fun v => dot F fixed_ v f) (W_Q hd)) ->
    Forall2 (stands F (val x y aux)) K (map (fun v => dot F fixed_ v g) (W_K hd)) -> stands F (val x y aux) (rscore hd Q K) (score F sym T hd f g).
  Proof.
    intros HQ HK. unfold rscore, score. apply rmul_ok; auto.
    - rewrite <- (weight_fixed x y aux). now apply rpoly_ok.
    - rewrite <- (total_combine (fun v => dot F fixed_ v f) (fun v => dot F fixed_ v g)). now apply products_ok.
  Qed.
  Lemma rwritten_ok x y aux hd V g i : Forall2 (stands F (val x y aux)) V (map (fun v => dot F fixed_ v g) (W_V hd)) ->
    stands F (val x y aux) (rwritten (map (fun v => read_entry false false v i) (W_O hd)) V) (written F sym T hd g i).
  Proof.
    unfold written. generalize (W_V hd) (W_O hd). intros wv wo. revert V wo. induction wv as [| v wv IH]; intros V wo H; inversion H; subst; destruct wo as [| o wo];
      try now apply rzero_ok.
    unfold rwritten. cbn [map combine fold_right total fst snd].
    fold (rwritten (map (fun v => read_entry false false v i) wo) l). specialize (IH l wo H4).
    pose proof (entry_fixed x y aux o i) as E.
    assert (G : stands F (val x y aux) (radd (rmul (rpoly (read_entry false false o i)) x0) (rwritten (map (fun v => read_entry false false v i) wo) l))
      (entry F fixed_ o i * dot F fixed_ v g + total (fun vo => entry F fixed_ (snd vo) i * dot F fixed_ (fst vo) g) (combine wv wo))).
    { apply radd_ok; auto. apply rmul_ok; auto. rewrite <- E. now apply rpoly_ok. }
    destruct (read_entry false false o i) as [| t p] eqn:R0; [| exact G].
    cbn in E. rewrite <- E. replace (zero * dot F fixed_ v g + _) with (total (fun vo => entry F fixed_ (snd vo) i * dot F fixed_ (fst vo) g) (combine wv wo)) by ring.
    exact IH.
  Qed.
End Run.
